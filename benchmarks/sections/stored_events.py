"""Measures what an event costs from `TrackEvents` to committed counters.

`python -m benchmarks.sections.stored_events`
"""

import argparse
from collections.abc import Awaitable, Callable

import uvloop

from benchmarks.sections.events import track
from benchmarks.sections.storing import fresh_stack, measure_rounds
from cli.stack.stack import Stack


def main() -> None:
    """Track events in rounds, and print the processor time of each event."""
    options = _options()
    with fresh_stack() as stack:
        uvloop.run(_measure(stack, options))


async def _measure(stack: Stack, options: argparse.Namespace) -> None:
    await track(stack.tracking_endpoint, options.events, options.batch)

    def prepare(_: int) -> Callable[[], Awaitable[float]]:
        return lambda: track(stack.tracking_endpoint, options.events, options.batch)

    await measure_rounds(stack, prepare, options.rounds, options.events, "an event")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sections.stored_events", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events a round")
    parser.add_argument("--batch", type=int, default=500, help="events a batch")
    parser.add_argument("--rounds", type=int, default=3, help="rounds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
