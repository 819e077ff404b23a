"""Measures what an event costs from `TrackEvents` to committed counters: `python -m benchmarks.stored_events`."""

import argparse
import asyncio
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import uvloop

from benchmarks.events import track
from benchmarks.processes import processor_seconds
from cli.data_directory import DataDirectory
from cli.stack import Front, Stack


def main() -> None:
    """Track events in rounds, and print the processor time of each event."""
    options = _options()
    with TemporaryDirectory(prefix="clicktrail-bench-") as name:
        data = DataDirectory(Path(name) / "data")
        data.make()
        stack = Stack(data, Front())
        try:
            stack.start(lambda _step: None)
            uvloop.run(_measure(stack, options))
        finally:
            stack.stop()


async def _measure(stack: Stack, options: argparse.Namespace) -> None:
    parts = {"tracking": [stack.tracking.pid], "postgres": [stack.postgres.pid]}
    database = await asyncpg.connect(stack.postgres.url)
    await track(stack.tracking.url, options.events, options.batch)
    costs: list[dict[str, float]] = []
    for turn in range(options.rounds):
        await _settled(database)
        before, begun = processor_seconds(parts), time.perf_counter()
        taken = await track(stack.tracking.url, options.events, options.batch)
        await _settled(database)
        settled = time.perf_counter() - begun
        after = processor_seconds(parts)
        cost = {name: (after[name] - before[name]) / options.events * 1e6 for name in parts}
        costs.append(
            cost
            | {"both": sum(cost.values()), "answered": taken / options.events * 1e6}
            | {"settled": settled / options.events * 1e6}
        )
        print(_told(f"round {turn + 1}", costs[-1]), flush=True)
    print(_told("median", {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}))
    await database.close()


def _told(name: str, cost: dict[str, float]) -> str:
    return f"{name}: " + ", ".join(f"{part} {micros:.0f}" for part, micros in cost.items()) + " µs an event"


async def _settled(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until attribution has gone through what the events marked."""
    while await database.fetchval("SELECT EXISTS (SELECT FROM dirty_visitors)"):  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stored_events", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events a round")
    parser.add_argument("--batch", type=int, default=500, help="events a batch")
    parser.add_argument("--rounds", type=int, default=3, help="rounds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
