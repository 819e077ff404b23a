"""Measures what others notice of two attackers: `python -m tests.hostile`. Exits with 1 where they notice too much.

In turns: a quiet round, a hostile round, and again. Of two tenants who work none may be refused anything, and their
medians and the 99th percentile of redirects, the medians of all rounds, may be three times those of quiet rounds.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from statistics import median
from typing import NamedTuple

import uvloop

from tests.hostile.attacks import ATTACKS, Target
from tests.hostile.calm import KINDS, Times, Worker, work
from tests.support.tenants import Tenants, running_stack

MOST_TIMES_SLOWER = 3.0
SETTLE_SECONDS = 3.0


class Figure(NamedTuple):
    """What is compared: a kind of request, and how it is summed up."""

    kind: str
    summary: str

    def of(self, times: Times) -> float:
        """Return it, in milliseconds."""
        return times.median_ms(self.kind) if self.summary == "median" else times.p99_ms(self.kind)


FIGURES = (*(Figure(kind, "median") for kind in KINDS), Figure("redirect", "p99"))


def main() -> None:
    """Carry out what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a round")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS), help="these attacks alone")
    options = parser.parse_args()
    with running_stack() as made:
        is_well = uvloop.run(_measure(made, options.only, options.rounds, options.seconds))
    sys.exit(0 if is_well else 1)


async def _measure(made: Tenants, attacks: list[str], rounds: int, seconds: float) -> bool:
    port = made.port
    workers = [Worker(await asyncio.to_thread(made.another), address) for address in ("127.0.0.11", "127.0.0.12")]
    target = Target(port, "127.0.0.65", "127.0.0.66", *await asyncio.to_thread(made.another))
    await work(port, workers, SETTLE_SECONDS)
    quiet: list[Times] = []
    hostile: list[Times] = []
    for number in range(1, rounds + 1):
        quiet.append(await work(port, workers, seconds))
        async with _under_attack(attacks, target):
            hostile.append(await work(port, workers, seconds))
        await asyncio.sleep(SETTLE_SECONDS)
        _say(f"round {number}: " + ", ".join(_beside(figure, quiet[-1:], hostile[-1:]) for figure in FIGURES))
    refused = sum((times.refused for times in (*quiet, *hostile)), Counter[tuple[str, int]]())
    _say(f"requests: {sum(len(each) for times in hostile for each in times.seconds.values()):,} under attack")
    _say(f"refused: {dict(refused) or 'none'}")
    slower = [figure for figure in FIGURES if _ratio(figure, quiet, hostile) > MOST_TIMES_SLOWER]
    for figure in FIGURES:
        _say(_beside(figure, quiet, hostile))
    return not refused and not slower


@contextlib.asynccontextmanager
async def _under_attack(attacks: list[str], target: Target) -> AsyncIterator[None]:
    """Attack from a process of its own: what attacking costs is not to be measured as what it does."""
    command = (sys.executable, "-m", "tests.hostile.attacks", json.dumps(target), *attacks)
    attackers = await asyncio.create_subprocess_exec(*command)
    try:
        yield
    finally:
        attackers.terminate()
        await attackers.wait()


def _ratio(figure: Figure, quiet: list[Times], hostile: list[Times]) -> float:
    return median(map(figure.of, hostile)) / median(map(figure.of, quiet))


def _beside(figure: Figure, quiet: list[Times], hostile: list[Times]) -> str:
    before, now = median(map(figure.of, quiet)), median(map(figure.of, hostile))
    return f"{figure.kind} {figure.summary} {before:.1f} -> {now:.1f} ms ({now / before:.1f}x)"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (what a person waits for)


if __name__ == "__main__":
    main()
