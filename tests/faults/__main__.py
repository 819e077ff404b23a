"""Runs the proof: `python -m tests.faults --seed N`. Exits with 1 where the ledger does not balance."""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import uvloop

from common.logging import configure_logging
from common.settings.settings import PREFIX
from tests.faults.chain import Chain
from tests.faults.ledger import Ledger
from tests.faults.run import LONG, SHORT, Plan, Run


def main() -> None:
    """Carry out what the command line says."""
    arguments = _arguments()
    configure_logging(service="faults", level="error", log_format="text")
    os.environ[f"{PREFIX}REDIS_FSYNC"] = arguments.fsync
    plan = _plan(arguments)
    _say(f"seed {plan.seed}: {plan}, appendfsync {arguments.fsync}")
    if arguments.logs:
        is_balanced = uvloop.run(_prove(plan, arguments.logs, may_lose=arguments.fsync != "always"))
    else:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            is_balanced = uvloop.run(_prove(plan, Path(folder), may_lose=arguments.fsync != "always"))
    _say(f"seed {plan.seed}: {'the ledger balances' if is_balanced else 'THE LEDGER DOES NOT BALANCE'}")
    sys.exit(0 if is_balanced else 1)


async def _prove(plan: Plan, folder: Path, *, may_lose: bool) -> bool:
    begun = time.monotonic()
    async with Chain(folder) as chain:
        run = Run(chain, plan, _say)
        await run.carry_out()
        loaded = time.monotonic() - begun
        ledger = await run.whole_ledger()
    _tell(run, ledger, loaded)
    if may_lose:
        lost = next(line for line in ledger.lines if line.is_acknowledged_loss)
        _say(f"acknowledged clicks lost by appendfsync everysec: {lost.found}")
    return not ledger.wrong(may_lose=may_lose)


def _tell(run: Run, ledger: Ledger, seconds: float) -> None:
    record, conductor = run.record, run.conductor
    _say("")
    _say(f"{len(record.sessions):,} clicks seen, {len(record.acknowledged):,} events acknowledged in {seconds:.0f} s")
    _say(
        f"{conductor.kills} kills; " + ", ".join(f"{what}: {times}" for what, times in sorted(conductor.struck.items()))
    )
    _say("replies dropped: " + ", ".join(f"{way} {times}" for way, times in sorted(conductor.replies_dropped.items())))
    unanswered = f"clicks {record.clicks_without_answer:,}, events {record.events_without_answer:,}"
    _say(f"without an answer: {unanswered}; refused with 503: clicks {record.clicks_refused:,},"
         f" events {record.events_refused:,}; sent twice at once: {record.sent_again:,}")  # fmt: skip
    _say(f"webhooks without an answer: {record.webhooks_without_answer:,}, with 503: {record.webhooks_refused:,}")
    _say("")
    _say(ledger.text())
    _say("")


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = SHORT if arguments.short else LONG
    given = {name: getattr(arguments, name) for name in ("seed", "clicks", "events", "kills")}
    return replace(plan, **{name: value for name, value in given.items() if value is not None})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="draws the same faults again")
    parser.add_argument("--clicks", type=int, help="clicks to be seen")
    parser.add_argument("--events", type=int, help="events to be acknowledged")
    parser.add_argument("--kills", type=int, help="SIGKILLs at least")
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always", help="Redis's appendfsync")
    parser.add_argument("--short", action="store_true", help="the form that is part of the tests")
    parser.add_argument("--logs", type=Path, help="keep data and logs in this new folder")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (this is a program for people)


if __name__ == "__main__":
    main()
