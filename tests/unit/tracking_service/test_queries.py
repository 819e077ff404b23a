"""SQL stands in files, each query named, described and used."""

import ast
import re
from pathlib import Path

import pytest

from tracking_service.queries import load

FOLDER = Path(__file__).parents[3] / "tracking_service"
FILES = sorted(path.stem for path in (FOLDER / "queries").glob("*.sql"))


def loaded_by(tree: ast.Module) -> dict[str, str]:
    """Return the names that a module gives to files of queries, with the files."""
    return {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value.args[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "load"
    }


def used() -> set[tuple[str, str]]:
    """Return file and name of every query that the code asks for."""
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.py")}
    loaded = {module: loaded_by(tree) for module, tree in trees.items()}
    found = set()
    for module, tree in trees.items():
        names = dict(loaded[module])
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tracking_service."):
                theirs = loaded.get(node.module.removeprefix("tracking_service."), {})
                names |= {each.asname or each.name: theirs[each.name] for each in node.names if each.name in theirs}
        found |= {
            (names[node.value.id], node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names
        }
    return found


def test_what_is_asked_for_is_there_and_the_other_way_round() -> None:
    """No name is misspelt, no query is left over."""
    assert used() == {(name, query) for name in FILES for query in dir(load(name))}


@pytest.mark.parametrize("name", FILES)
def test_every_query_is_described(name: str) -> None:
    """Its first line is a comment that says what it does."""
    queries = load(name)
    bare = [query for query in dir(queries) if not re.match(r"-- [A-Z]", getattr(queries, query))]
    assert bare == []


def test_a_name_that_is_not_there_is_an_error() -> None:
    """It names the file."""
    with pytest.raises(AttributeError, match=r"queries/accounts.sql has no query named no_such"):
        _ = load("accounts").no_such
