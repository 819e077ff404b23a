"""Measures what others notice of two attackers: `python -m tests.hostile`. Exits with 1 where they notice too much.

In turns: a hostile round, a quiet round, and again; first with each attack alone, then with all of them at once. Of two
tenants who work none may be refused anything, and their medians and the 99th percentile of redirects, the medians of
all rounds, may be three times those of quiet rounds.

Attackers, tenants and the system share one machine here, which they do not elsewhere. So that the system is measured
and not that, something else takes as much of the processor in each quiet round as the attackers themselves took in the
hostile round before: only what the attack makes the system do is compared. The last lines show what each process took.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from statistics import fmean, median
from typing import NamedTuple

import uvloop

from tests.hostile.attacks import ATTACKS, Target
from tests.hostile.calm import KINDS, Times, Worker, work
from tests.hostile.processor import Meter, taken
from tests.support.tenants import Tenants, running_stack

MOST_TIMES_SLOWER = 3.0
SETTLE_SECONDS = 3.0
ATTACKERS = "attackers"


class Figure(NamedTuple):
    """What is compared: a kind of request, and how it is summed up."""

    kind: str
    summary: str

    def of(self, times: Times) -> float:
        """Return it, in milliseconds."""
        return times.median_ms(self.kind) if self.summary == "median" else times.p99_ms(self.kind)


FIGURES = (*(Figure(kind, "median") for kind in KINDS), Figure("redirect", "p99"))


class Round(NamedTuple):
    """How it went in so many seconds, and what part of one core each process took."""

    times: Times
    parts: dict[str, float]


class Case(NamedTuple):
    """Attacks at once, and the rounds with and without them."""

    name: str
    hostile: list[Round]
    quiet: list[Round]

    def medians(self, figure: Figure) -> tuple[float, float]:
        """Return a figure in quiet and in hostile rounds, in milliseconds."""
        before, now = (median(figure.of(one.times) for one in rounds) for rounds in (self.quiet, self.hostile))
        return before, now

    @property
    def refused(self) -> Counter[tuple[str, int]]:
        """What was refused of the tenants, by kind and status."""
        return sum((one.times.refused for one in (*self.quiet, *self.hostile)), Counter[tuple[str, int]]())

    @property
    def is_well(self) -> bool:
        """Whether nobody noticed too much."""
        medians = map(self.medians, FIGURES)
        return not self.refused and all(now <= MOST_TIMES_SLOWER * before for before, now in medians)


def main() -> None:
    """Carry out what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="with all attacks at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of such a round")
    parser.add_argument("--rounds-alone", type=int, default=1, help="with each attack alone")
    parser.add_argument("--seconds-alone", type=float, default=20.0, help="length of such a round")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS), help="these attacks alone")
    options = parser.parse_args()
    plan = [(name, [name], options.rounds_alone, options.seconds_alone) for name in options.only]
    plan.append(("all at once", options.only, options.rounds, options.seconds))
    with running_stack() as made:
        cases = uvloop.run(_measure(made, plan))
    sys.exit(0 if all(case.is_well for case in cases) else 1)


async def _measure(made: Tenants, plan: Sequence[tuple[str, list[str], int, float]]) -> list[Case]:
    workers = [Worker(await asyncio.to_thread(made.another), address) for address in ("127.0.0.11", "127.0.0.12")]
    target = Target(made.port, "127.0.0.65", "127.0.0.66", *await asyncio.to_thread(made.another))
    await work(made.port, workers, SETTLE_SECONDS)
    _say("  ".join(("attack".ljust(18), *(f"{figure.kind} {figure.summary}".ljust(24) for figure in FIGURES))))
    cases = []
    for name, attacks, rounds, seconds in plan:
        case = Case(name, [], [])
        for _ in range(rounds if seconds else 0):
            case.hostile.append(await _hostile_round(made, workers, target, attacks, seconds))
            await asyncio.sleep(SETTLE_SECONDS)
            async with taken(case.hostile[-1].parts[ATTACKERS]):
                case.quiet.append(await _round(made.port, workers, seconds, made.processes))
        if case.hostile:
            _say("  ".join((name.ljust(18), *(_beside(*case.medians(figure)).ljust(24) for figure in FIGURES))))
            cases.append(case)
    for case in cases:
        _say(f"refused, {case.name}: {dict(case.refused) or 'none'}")
        _say(f"cores, {case.name}: {_parts(case)}")
    return cases


async def _hostile_round(
    made: Tenants, workers: list[Worker], target: Target, attacks: list[str], seconds: float
) -> Round:
    async with _under_attack(attacks, target) as attackers:
        return await _round(made.port, workers, seconds, {**made.processes, ATTACKERS: attackers.pid})


async def _round(port: int, workers: list[Worker], seconds: float, processes: Mapping[str, int]) -> Round:
    meter = Meter(processes)
    times = await work(port, workers, seconds)
    return Round(times, meter.parts())


@contextlib.asynccontextmanager
async def _under_attack(attacks: list[str], target: Target) -> AsyncIterator[Process]:
    """Attack from a process of its own: what attacking costs is not to be measured as what it does."""
    command = (sys.executable, "-m", "tests.hostile.attacks", json.dumps(target), *attacks)
    attackers = await asyncio.create_subprocess_exec(*command)
    try:
        yield attackers
    finally:
        attackers.terminate()
        await attackers.wait()


def _beside(before: float, now: float) -> str:
    return f"{before:.1f} -> {now:.1f} ms ({now / before:.1f}x)"


def _parts(case: Case) -> str:
    """Return what part of one core each process took, in quiet and in hostile rounds."""
    return ", ".join(
        f"{name} {fmean(one.parts.get(name, 0.0) for one in case.quiet):.2f} -> "
        f"{fmean(one.parts[name] for one in case.hostile):.2f}"
        for name in case.hostile[0].parts
    )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (what a person waits for)


if __name__ == "__main__":
    main()
