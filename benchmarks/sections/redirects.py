"""Redirects: every contender in turn, at its peak and at half of ours."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape

from benchmarks.contenders.chain import Chain, Clicktrail
from benchmarks.contenders.contender import Contender, Missing
from benchmarks.contenders.nginx_lua import NginxLua
from benchmarks.contenders.plain import Plain
from benchmarks.contenders.processes import frozen, processor_seconds
from benchmarks.loads.load import Generate, Load
from benchmarks.loads.steady import Steady, steady_load
from benchmarks.results import Results, spread
from cli.terminal import console

OURS = "Clicktrail"
UNBATCHED = "flights of one"
ANSWER_PATH = ("gateway", "shortener", "redis")
RATIOS = {
    "redirect_vs_nginx_lua": NginxLua.name,
    "redirect_vs_fastapi": Plain.name,
    "redirect_vs_unbatched": UNBATCHED,
}
_POLL_SECONDS = 0.05
_DRAIN_SECONDS = 180.0
# The relay looks for what it was not told of once a second.
_QUIET_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a contender; processor time is in microseconds a redirect, all its work included."""

    redirects: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    answered: int
    stored: int
    cut_off: int
    others: int

    @property
    def is_whole(self) -> bool:
        """Whether every answered redirect is a stored click."""
        return self.answered <= self.stored <= self.answered + self.cut_off


@contextlib.contextmanager
def contenders(folder: Path, chain: Chain, workers: int, results: Results) -> Iterator[list[Contender]]:
    """Start those that this machine has the tools for; say which are left out."""
    found: list[Contender] = [Clicktrail(chain, OURS, chain.stack.gateway)]
    with ExitStack() as stack:
        for kind in (NginxLua, Plain):
            (folder / kind.__name__).mkdir()
            try:
                contender = kind(folder / kind.__name__, chain.paths, workers)
            except Missing as missing:
                results.left_out.append(str(missing))
                console.print(f"[yellow]left out:[/yellow] {escape(str(missing))}")
                continue
            stack.callback(contender.stop)
            found.append(contender)
        yield [*found, Clicktrail(chain, UNBATCHED, chain.second)]


def measure_peaks(
    rivals: Sequence[Contender], generate: Generate, rounds: int, results: Results
) -> dict[str, list[Turn]]:
    """Let each have its turns, one after the other; the first round warms up and is not kept."""
    turns: dict[str, list[Turn]] = {rival.name: [] for rival in rivals}
    for number in range(rounds + 1):
        for rival in rivals:
            turn = take_turn(rival, generate)
            console.print(f"[dim]round {number}, {rival.name}: {turn.redirects:,.0f} redirects/s[/dim]")
            if number:
                turns[rival.name].append(turn)
    for name, kept in turns.items():
        results.detail[f"redirects, {name}"] = _summary(kept)
    for key, name in RATIOS.items():
        if name in turns:
            pairs = zip(turns[OURS], turns[name], strict=True)
            ratios = [ours.redirects / theirs.redirects for ours, theirs in pairs]
            results.figures[key] = statistics.median(ratios)
            results.detail[key] = spread(ratios)
    return turns


def take_turn(rival: Contender, generate: Generate) -> Turn:
    """Load a contender, wait until all is stored, and return what came of it."""
    before, used_before = rival.stored, processor_seconds(rival.parts)
    load = generate(rival.url)
    stored = _settle(lambda: rival.stored, before + load.answered) - before
    used = _each(used_before, processor_seconds(rival.parts), load.answered)
    return Turn(
        load.answered / load.seconds, load.p50_ms, load.p99_ms, used, load.answered, stored, load.cut_off, load.others
    )


def measure_answer_path(
    chain: Chain, generate: Generate, rounds: int, turns: dict[str, list[Turn]], results: Results
) -> None:
    """Tell the processor time of answers from that of storing: while tracking stands still, there are answers alone."""
    ours = Clicktrail(chain, OURS, chain.stack.gateway)
    answers: list[dict[str, float]] = []
    for _ in range(rounds):
        before = ours.stored
        with frozen(chain.stack.tracking.pid):
            load, used = _loaded(ours, generate)
        answers.append({part: used[part] for part in ANSWER_PATH})
        _settle(lambda: ours.stored, before + load.answered)
    answering = {part: statistics.median(answer[part] for answer in answers) for part in ANSWER_PATH}
    whole = statistics.median(sum(turn.cpu_us.values()) for turn in turns[OURS])
    results.figures["cpu_us_per_redirect"] = sum(answering.values())
    results.figures["cpu_us_per_click_stored"] = whole - sum(answering.values())
    results.detail["CPU of answers, µs"] = answering


@dataclass(frozen=True, slots=True)
class Pace:
    """A rate a second, and for how many turns of how many seconds."""

    rate: float
    rounds: int
    seconds: float


def measure_half(folder: Path, rivals: Sequence[Contender], paths: Sequence[str], pace: Pace, results: Results) -> None:
    """Load those who can bear it at the same rate, in turns, and compare the slowest in a hundred."""
    able = [rival for rival in rivals if rival.name in (OURS, NginxLua.name)]
    found: dict[str, list[Steady]] = {rival.name: [] for rival in able}
    for _ in range(pace.rounds):
        for rival in able:
            before = rival.stored
            steady = steady_load(folder, rival.url, paths, pace.rate, pace.seconds)
            found[rival.name].append(steady)
            _settle(lambda rival=rival: rival.stored, before + steady.answered)  # type: ignore[misc]  # bound at once
    results.detail["half of the peak"] = {name: [asdict(each) for each in steadies] for name, steadies in found.items()}
    if len(found) > 1:
        pairs = zip(found[OURS], found[NginxLua.name], strict=True)
        results.figures["p99_ratio_at_half_load"] = statistics.median(
            ours.p99_ms / theirs.p99_ms for ours, theirs in pairs
        )


def peak_of(turns: dict[str, list[Turn]]) -> float:
    """Return our peak."""
    return statistics.median(turn.redirects for turn in turns[OURS])


def are_whole(turns: dict[str, list[Turn]]) -> bool:
    """Tell whether we kept every click; say of each contender what it kept."""
    for name, kept in turns.items():
        answered, stored = sum(turn.answered for turn in kept), sum(turn.stored for turn in kept)
        judged = "all kept" if all(turn.is_whole for turn in kept) else "[red]THEY DIFFER[/red]"
        others = sum(turn.others for turn in kept)
        console.print(f"{name}: {answered:,} answered, {stored:,} stored ({judged}), {others:,} other answers")
    return all(turn.is_whole and not turn.others for turn in turns[OURS])


def _loaded(rival: Contender, generate: Generate) -> tuple[Load, dict[str, float]]:
    """Load, and return what was used until the load's end."""
    before = processor_seconds(rival.parts)
    load = generate(rival.url)
    return load, _each(before, processor_seconds(rival.parts), load.answered)


def _each(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    return {part: (after[part] - before[part]) / max(1, count) * 1e6 for part in after}


def _settle(stored: Callable[[], int], expected: int) -> int:
    """Wait until so many are stored, and until no more come of those that were cut off; return how many are."""
    until, seen, quiet_at = time.monotonic() + _DRAIN_SECONDS, -1, 0.0
    while time.monotonic() < until:
        if (now := stored()) != seen:
            seen, quiet_at = now, time.monotonic()
        elif seen >= expected and time.monotonic() > quiet_at + _QUIET_SECONDS:
            break
        time.sleep(_POLL_SECONDS)
    return seen


def _summary(turns: Sequence[Turn]) -> dict[str, object]:
    return {
        "redirects_per_s": spread(turn.redirects for turn in turns),
        "p50_ms": spread(turn.p50_ms for turn in turns),
        "p99_ms": spread(turn.p99_ms for turn in turns),
        "cpu_us": {part: statistics.median(turn.cpu_us[part] for turn in turns) for part in turns[0].cpu_us},
        "answered": sum(turn.answered for turn in turns),
        "stored": sum(turn.stored for turn in turns),
    }
