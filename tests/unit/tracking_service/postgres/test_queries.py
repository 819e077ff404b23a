"""SQL stands in files beside the stores that run it, each query named, described and used."""

import ast
import re
from pathlib import Path

import pytest

from tracking_service.postgres.queries import load

ROOT = Path(__file__).parents[4]
SERVICE = ROOT / "tracking_service"
FILES = sorted(SERVICE.glob("*/queries.sql"))


def module_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def loaded_by(path: Path, tree: ast.Module) -> dict[str, Path]:
    """Return the names that a module gives to files of queries, with the files."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "load":
            found[ast.unparse(node.targets[0])] = path.parent / "queries.sql"
    return found


def used() -> set[tuple[Path, str]]:
    """Return file and name of every query that the code asks for."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SERVICE.rglob("*.py")}
    loaded = {module_of(path): loaded_by(path, tree) for path, tree in trees.items()}
    found = set()
    for path, tree in trees.items():
        names = dict(loaded[module_of(path)])
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                theirs = loaded.get(node.module, {})
                names |= {each.asname or each.name: theirs[each.name] for each in node.names if each.name in theirs}
        found |= {
            (names[node.value.id], node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names
        }
    return found


def queries_of(path: Path) -> dict[str, str]:
    """Return the queries of a file by their names."""
    queries = load(f"tracking_service.{path.parent.name}")
    return {name: getattr(queries, name) for name in dir(queries)}


def test_what_is_asked_for_is_there_and_the_other_way_round() -> None:
    """No name is misspelt, no query is left over."""
    assert used() == {(path, name) for path in FILES for name in queries_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_query_is_described(path: Path) -> None:
    """Its first line is a comment that says what it does."""
    assert [name for name, text in queries_of(path).items() if not re.match(r"-- [A-Z]", text)] == []


def test_a_name_that_is_not_there_is_an_error() -> None:
    """It names the file."""
    with pytest.raises(AttributeError, match=r"tracking_service/postgres/queries.sql has no query named no_such"):
        _ = load("tracking_service.postgres").no_such
