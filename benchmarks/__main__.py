"""Measures redirects of the whole chain: flights against one call per click, in turns on one machine."""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from benchmarks.chain import BATCHED, ONE_BY_ONE, Chain
from benchmarks.latency import idle_latencies
from benchmarks.load import Load, generator
from cli.terminal import console

IDLE_LIMIT_MS = 3.0
IDLE_PAUSES_SECONDS = (0.0, 0.02)


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of one gateway: answers a second, and clicks a second from the first request to the last row."""

    redirects: float
    stored: float
    p50_ms: float
    p99_ms: float


def main() -> int:
    """Run the rounds, print the tables; return 1 when clicks and answers differ."""
    options = _options()
    with TemporaryDirectory(prefix="clicktrail-bench-") as folder, Chain(Path(folder)) as chain:
        for pause in IDLE_PAUSES_SECONDS:
            _show_idle(pause, idle_latencies(chain.url(BATCHED), chain.paths, pause))
        chain.forget_clicks()
        generate = generator(Path(folder), chain.paths, options.connections, options.seconds)
        rounds: dict[str, list[Round]] = {BATCHED: [], ONE_BY_ONE: []}
        loads: list[Load] = []
        for number in range(options.rounds):
            for name, turns in rounds.items():
                load = generate(chain.url(name))
                loads.append(load)
                turns.append(_judged(load, load.seconds + chain.settle(loads)))
                console.print(f"[dim]round {number + 1}, {name}: {turns[-1].redirects:,.0f} redirects/s[/dim]")
        stored = chain.stored_clicks()
    _show(rounds)
    return _verdict(loads, stored)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each gateway")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a turn")
    parser.add_argument("--connections", type=int, default=100, help="clients at once, each with one request under way")
    return parser.parse_args()


def _judged(load: Load, whole_seconds: float) -> Round:
    return Round(load.answered / load.seconds, load.answered / whole_seconds, load.p50_ms, load.p99_ms)


def _show_idle(pause_seconds: float, latencies: Sequence[float]) -> None:
    median_ms = statistics.median(latencies) * 1000
    judged = "within" if median_ms <= IDLE_LIMIT_MS else "OVER"
    console.print(
        f"one redirect at a time, {pause_seconds * 1000:.0f} ms of rest after each:"
        f" median [bold]{median_ms:.2f} ms[/bold] ({judged} {IDLE_LIMIT_MS:.0f} ms)"
    )


def _show(rounds: dict[str, list[Round]]) -> None:
    table = Table(title="Redirects of the whole chain, median of the rounds", title_justify="left")
    table.add_column("", no_wrap=True)
    for name in ("redirects/s", "range", "stored clicks/s", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, turns in rounds.items():
        rates = [turn.redirects for turn in turns]
        table.add_row(
            name,
            f"{statistics.median(rates):,.0f}",
            f"{min(rates):,.0f} - {max(rates):,.0f}",
            f"{_median(turns, 'stored'):,.0f}",
            f"{_median(turns, 'p50_ms'):.1f}",
            f"{_median(turns, 'p99_ms'):.1f}",
        )
    console.print(table)
    pairs = zip(rounds[BATCHED], rounds[ONE_BY_ONE], strict=True)
    ratios = [batched.redirects / single.redirects for batched, single in pairs]
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
    console.print(f"ratio, {BATCHED} to {ONE_BY_ONE}: [bold]{statistics.median(ratios):.1f}[/bold] ({spread} in pairs)")


def _median(turns: Sequence[Round], name: str) -> float:
    values: list[float] = [getattr(turn, name) for turn in turns]
    return statistics.median(values)


def _verdict(loads: Sequence[Load], stored: int) -> int:
    answered = sum(load.answered for load in loads)
    others = sum(load.others for load in loads)
    cut_off = sum(load.cut_off for load in loads)
    is_whole = answered <= stored <= answered + cut_off
    allowance = f" (up to {cut_off:,} more were cut off at the end of turns)" if cut_off else ""
    console.print(
        f"answered redirects: {answered:,}, stored clicks: {stored:,}{allowance}; other answers: {others:,}"
        f" ({'all kept' if is_whole else 'THEY DIFFER'})"
    )
    return 0 if is_whole and not others else 1


if __name__ == "__main__":
    sys.exit(main())
