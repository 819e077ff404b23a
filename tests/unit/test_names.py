"""A class is found by its name: no two of one service have the same."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Names that two classes still have. This list only becomes shorter.
STILL_TWICE: dict[str, set[str]] = {
    "shortener_service": set(),
    "tracking_service": set(),
    "gateway": {"Streamed"},
}


def classes_of(service: str) -> list[str]:
    """Return the names of a service's public classes, each as often as there is a class of that name."""
    return [
        node.name
        for path in sorted((ROOT / service).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("service", STILL_TWICE)
def test_no_two_classes_have_one_name(service: str) -> None:
    """Whoever searches for a name finds one definition."""
    names = classes_of(service)
    assert {name for name in names if names.count(name) > 1} == STILL_TWICE[service]
