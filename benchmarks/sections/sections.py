"""What is measured, section by section; each can be asked for alone."""

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.markup import escape

from benchmarks.contenders.chain import Chain
from benchmarks.contenders.contender import Contender, Missing
from benchmarks.loads.latency import idle_latencies
from benchmarks.loads.load import generator
from benchmarks.results import Results
from benchmarks.sections.events import measure_batches, measure_posts
from benchmarks.sections.links import measure_creation, measure_memory
from benchmarks.sections.redirects import Pace, are_whole, measure_answer_path, measure_half, measure_peaks, peak_of
from benchmarks.sections.report_sizes import measure_sizes
from benchmarks.sections.reports import measure_freshness
from benchmarks.sections.scaling import measure_scaling
from cli.terminal import console

_IDLE_PAUSE_SECONDS = 0.02


class Run:
    """One run: what is up, how it is measured, and what came of it so far."""

    def __init__(
        self,
        options: argparse.Namespace,
        folder: Path,
        chain: Chain,
        rivals: Sequence[Contender],
        results: Results,
    ) -> None:
        self._options = options
        self._folder = folder
        self._chain = chain
        self._rivals = rivals
        self._results = results
        self.is_whole = True

    def redirects(self) -> None:
        """Measure peak, processor time, half of the peak, and how soon a click is in its report."""
        options = self._options
        idle = statistics.median(idle_latencies(self._chain.ready.http, self._chain.paths, _IDLE_PAUSE_SECONDS))
        self._results.detail["one redirect at a time, ms"] = idle * 1000
        generate = generator(self._folder, self._chain.paths, options.connections, options.seconds)
        turns = measure_peaks(self._rivals, generate, options.rounds, self._results)
        self.is_whole = are_whole(turns)
        measure_answer_path(self._chain, generate, options.rounds, turns, self._results)
        half = peak_of(turns) / 2
        try:
            pace = Pace(half, options.rounds, options.seconds)
            measure_half(self._folder, self._rivals, self._chain.paths, pace, self._results)
            seconds = options.rounds * options.seconds
            measure_freshness(self._folder, self._chain, half, seconds, self._results)
        except Missing as missing:
            self._leave_out(missing)

    def workers(self) -> None:
        """Measure what a second worker of each service brings."""
        options = self._options
        generate = generator(self._folder, self._chain.paths, options.connections, options.seconds)
        try:
            measure_scaling(self._chain, generate, options.rounds, self._results)
        except Missing as missing:
            self._leave_out(missing)

    def events(self) -> None:
        """Measure batches and single posts."""
        options = self._options
        measure_batches(self._chain, options.rounds, options.events, self._results)
        try:
            plan = (options.rounds, options.seconds, options.connections)
            measure_posts(self._folder, self._chain, self._rivals, plan, self._results)
        except Missing as missing:
            self._leave_out(missing)

    def links(self) -> None:
        """Measure creation in bulk."""
        measure_creation(self._chain, self._options.rounds, self._options.links, self._results)

    def memory(self) -> None:
        """Weigh links."""
        measure_memory(self._chain, self._options.memory_links, self._results)

    def reports(self) -> None:
        """Time reports, and the lists beside them, of few clicks and of many."""
        measure_sizes(self._chain, self._options.clicks, self._options.fewer_clicks, self._results)

    def _leave_out(self, missing: Missing) -> None:
        self._results.left_out.append(str(missing))
        console.print(f"[yellow]left out:[/yellow] {escape(str(missing))}")


SECTIONS: dict[str, Callable[[Run], None]] = {
    "redirects": Run.redirects,
    "workers": Run.workers,
    "events": Run.events,
    # Before other links are there: their share of the hashes is paid for already.
    "memory": Run.memory,
    "links": Run.links,
    "reports": Run.reports,
}
