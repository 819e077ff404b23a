"""Measures what a click costs from the relay's delivery to committed counters.

`python -m benchmarks.sections.stored_clicks`
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import uvloop
from grpc import aio

from benchmarks.loads.made_clicks import AGENTS, click_of, link_of
from benchmarks.sections.storing import fresh_stack, measure_rounds
from cli.calls import channel_to
from cli.stack.demo_business import BUSINESS
from cli.stack.stack import Stack
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common.clock import now

_CAMPAIGN = "stored"
_METHOD = "/clicktrail.tracking.v1.RelayService/Deliver"
_SECONDS = 60.0


def main() -> None:
    """Store links, then clicks on them in rounds, and print the processor time of each click."""
    options = _options()
    with fresh_stack() as stack:
        uvloop.run(_measure(stack, options))


async def _measure(stack: Stack, options: argparse.Namespace) -> None:
    async with channel_to(stack.tracking_endpoint) as channel:
        await _deliver(channel, list(_links(options.links, options.batch)), 1)

        def prepare(number: int) -> Callable[[], Awaitable[None]]:
            pieces = list(_clicks(options.clicks, options.batch, options.links, number * options.clicks))
            return lambda: _deliver(channel, pieces, options.at_once)

        await measure_rounds(stack, prepare, options.rounds, options.clicks, "a click")


async def _deliver(channel: aio.Channel, pieces: Sequence[bytes], at_once: int) -> None:
    """Send serialized deliveries, so many at a time."""
    call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHOD)
    waiting = iter(pieces)

    async def send() -> None:
        for piece in waiting:
            await call(piece, timeout=_SECONDS, wait_for_ready=True)

    await asyncio.gather(*(send() for _ in range(at_once)))


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
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sections.stored_clicks", description=__doc__)
    parser.add_argument("--links", type=int, default=20_000, help="links, each of a recipient")
    parser.add_argument("--clicks", type=int, default=10_000, help="clicks a round")
    parser.add_argument("--batch", type=int, default=256, help="clicks a delivery")
    parser.add_argument("--at-once", type=int, default=1, help="deliveries at a time")
    parser.add_argument("--rounds", type=int, default=3, help="rounds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
