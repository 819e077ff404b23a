"""What it costs tracking and PostgreSQL to store something, attribution included."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from benchmarks.contenders.processes import processor_seconds
from cli.data_directory import DataDirectory
from cli.stack.stack import Front, Stack

Prepare = Callable[[int], Callable[[], Awaitable[object]]]
"""Returns what stores the things of a round, by its number; what is done before is not measured."""


@contextlib.contextmanager
def fresh_stack() -> Iterator[Stack]:
    """Run everything on data of its own, until the end."""
    with TemporaryDirectory(prefix="clicktrail-bench-") as name:
        data = DataDirectory(Path(name) / "data")
        data.make()
        stack = Stack(data, Front())
        try:
            stack.start(lambda _step: None)
            yield stack
        finally:
            stack.stop()


async def measure_rounds(stack: Stack, prepare: Prepare, rounds: int, count: int, thing: str) -> None:
    """Store so many things a round, and print what each of them took, in microseconds.

    That is processor time of tracking and of PostgreSQL, and time until they were answered and until all was decided.
    """
    costs: list[dict[str, float]] = []
    async with _database(stack) as database:
        for number in range(rounds):
            store = prepare(number)
            await _settled(database)
            costs.append(
                {name: seconds / count * 1e6 for name, seconds in (await _spent(stack, store, database)).items()}
            )
            print(_told(f"round {number + 1}", costs[-1], thing), flush=True)
    print(_told("median", {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}, thing))


async def _spent(
    stack: Stack, store: Callable[[], Awaitable[object]], database: "asyncpg.Connection[asyncpg.Record]"
) -> dict[str, float]:
    parts = {"tracking": [stack.tracking.pid], "postgres": [stack.postgres.pid]}
    before, begun = processor_seconds(parts), time.perf_counter()
    await store()
    answered = time.perf_counter() - begun
    await _settled(database)
    settled, after = time.perf_counter() - begun, processor_seconds(parts)
    spent = {name: after[name] - before[name] for name in parts}
    return spent | {"both": sum(spent.values()), "answered": answered, "settled": settled}


@contextlib.asynccontextmanager
async def _database(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(stack.postgres.url)
    try:
        yield connection
    finally:
        await connection.close()


async def _settled(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until attribution has gone through what was marked."""
    while await database.fetchval("SELECT EXISTS (SELECT FROM dirty_visitors)"):  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.1)


def _told(name: str, cost: dict[str, float], thing: str) -> str:
    return f"{name}: " + ", ".join(f"{part} {micros:.0f}" for part, micros in cost.items()) + f" µs {thing}"
