"""Measures what a click costs from the relay's delivery to committed counters: `python -m benchmarks.stored_clicks`."""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import uvloop
from grpc import aio

from benchmarks.made_clicks import AGENTS, click_of, link_of
from benchmarks.processes import processor_seconds
from cli.calls import channel_to
from cli.data_directory import DataDirectory
from cli.demo_business import BUSINESS
from cli.stack import Front, Stack
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common.clock import now

_CAMPAIGN = "stored"
_METHOD = "/clicktrail.tracking.v1.RelayService/Deliver"
_SECONDS = 60.0


def main() -> None:
    """Store links, then clicks on them in rounds, and print the processor time of each click."""
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
    async with channel_to(stack.tracking.url) as channel:
        await _deliver(channel, list(_links(options.links, options.batch)), 1)
        costs: list[dict[str, float]] = []
        for turn in range(options.rounds):
            pieces = list(_clicks(options.clicks, options.batch, options.links, turn * options.clicks))
            await _settled(database)
            before, begun = processor_seconds(parts), time.perf_counter()
            await _deliver(channel, pieces, options.at_once)
            taken = time.perf_counter() - begun
            await _settled(database)
            after = processor_seconds(parts)
            cost = {name: (after[name] - before[name]) / options.clicks * 1e6 for name in parts}
            costs.append(cost | {"both": sum(cost.values()), "wall": taken / options.clicks * 1e6})
            print(_told(f"round {turn + 1}", costs[-1]))
    medians = {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}
    print(_told("median", medians))
    await database.close()


def _told(name: str, cost: dict[str, float]) -> str:
    return f"{name}: " + ", ".join(f"{part} {micros:.0f}" for part, micros in cost.items()) + " µs a click"


async def _deliver(channel: aio.Channel, pieces: Sequence[bytes], at_once: int) -> None:
    """Send serialized deliveries, so many at a time."""
    call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHOD)
    waiting = iter(pieces)

    async def send() -> None:
        for piece in waiting:
            await call(piece, timeout=_SECONDS, wait_for_ready=True)

    await asyncio.gather(*(send() for _ in range(at_once)))


async def _settled(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until attribution has gone through what the clicks marked."""
    while await database.fetchval("SELECT EXISTS (SELECT FROM dirty_visitors)"):  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.1)


def _links(count: int, batch: int) -> Iterator[bytes]:
    at = now()
    for start in range(0, count, batch):
        copies = [link_of(BUSINESS, _CAMPAIGN, number, at) for number in range(start, min(count, start + batch))]
        yield relay_service_pb2.DeliverRequest(links=copies).SerializeToString()


def _clicks(count: int, batch: int, links: int, start: int) -> Iterator[bytes]:
    """Yield deliveries of clicks, each on the next link."""
    for first in range(start, start + count, batch):
        clicks = [_click(number, links) for number in range(first, min(start + count, first + batch))]
        yield relay_service_pb2.DeliverRequest(clicks=clicks).SerializeToString()


def _click(number: int, links: int) -> click_pb2.Click:
    at = now()
    return click_of(BUSINESS, _CAMPAIGN, number * 7919 % links, at, at, user_agent=AGENTS[number % len(AGENTS)])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stored_clicks", description=__doc__)
    parser.add_argument("--links", type=int, default=20_000, help="links, each of a recipient")
    parser.add_argument("--clicks", type=int, default=10_000, help="clicks a round")
    parser.add_argument("--batch", type=int, default=256, help="clicks a delivery")
    parser.add_argument("--at-once", type=int, default=1, help="deliveries at a time")
    parser.add_argument("--rounds", type=int, default=3, help="rounds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
