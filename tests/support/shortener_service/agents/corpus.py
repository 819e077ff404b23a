"""Reads the labelled agents: `agents.tsv`, from the sources that `sources.tsv` names with their licences.

Each source belongs to one half, told before any rule was written: rules are made by what is in `tuned`, and what is in
`apart` shows whether they hold for agents that nobody looked at. Sources were read whole (69,000 agents); kept are all
that a rule or the list of crawlers could stumble over, and of the rest those whose SHA-256 comes first. A label is the
source's own word; where that is plainly wrong, the last column says why. Of people there are the agents of browsers,
in apps and out of them, not those of the libraries by which apps ask for data.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent


class Labelled(NamedTuple):
    """An agent, and who sends it."""

    label: str
    """person, program, preview or scanner."""
    half: str
    """tuned or apart."""
    agent: str


def labelled() -> Iterator[Labelled]:
    """Yield all labelled agents."""
    halves = {row["source"]: row["half"] for row in _rows("sources.tsv")}
    for row in _rows("agents.tsv"):
        yield Labelled(row["label"], halves[row["source"]], row["agent"])


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_HERE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
