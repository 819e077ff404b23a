"""The table of what an attack found names tests that there are."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LINES = (TESTS / "hostile" / "FINDINGS.md").read_text("utf-8").splitlines()
ROWS = [found for line in LINES if (found := re.match(r"\| (\d+) \| .* \| (.*) \|$", line))]
NAMED = [name for row in ROWS for name in re.findall(r"`([\w/.]+\.py(?:::\w+)?)`", row[2])]


def test_each_finding_has_a_line() -> None:
    """In order, each with a test."""
    assert [int(row[1]) for row in ROWS] == list(range(1, 28))
    assert [row[1] for row in ROWS if ".py" not in row[2]] == []


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there(name: str) -> None:
    """Files and the tests in them."""
    path, _, test = name.partition("::")
    assert f"def {test}" in (TESTS / path).read_text("utf-8")
