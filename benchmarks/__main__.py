"""Measures Clicktrail beside other ways to do the same, in turns on one machine."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.markup import escape

from benchmarks.contenders.chain import Chain
from benchmarks.results import Results
from benchmarks.sections.redirects import contenders
from benchmarks.sections.sections import SECTIONS, Run
from cli.terminal import console

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """Run the sections asked for, write and print the figures; return 1 where we lost a click."""
    options = _options()
    results = Results()
    with TemporaryDirectory(prefix="clicktrail-bench-") as name:
        folder = Path(name)
        with Chain(folder, options.workers) as chain, contenders(folder, chain, options.workers, results) as rivals:
            run = Run(options, folder, chain, rivals, results)
            for section in options.only:
                console.print(f"[bold]{section}[/bold]")
                SECTIONS[section](run)
    results.write(options.output)
    print(results.table())
    for missing in results.left_out:
        console.print(f"[yellow]left out:[/yellow] {escape(str(missing))}")
    return 0 if run.is_whole else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="what to measure")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a turn")
    parser.add_argument("--connections", type=int, default=100, help="clients at once, each with one request under way")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve HTTP, of each contender")
    parser.add_argument("--events", type=int, default=20_000, help="events a round, in batches")
    parser.add_argument("--links", type=int, default=50_000, help="links a round, in bulk")
    parser.add_argument("--memory-links", type=int, default=1_000_000, help="links to weigh")
    parser.add_argument("--clicks", type=int, default=10_000_000, help="clicks of the larger report")
    parser.add_argument("--fewer-clicks", type=int, default=100_000, help="clicks of the smaller report")
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="where to write the figures, beside those of earlier runs"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
