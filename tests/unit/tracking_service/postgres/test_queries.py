"""SQL stands in files beside the stores that run it, each query named, declared, described and used."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tracking_service.postgres.queries import Queries

ROOT = Path(__file__).parents[4]
SERVICE = ROOT / "tracking_service"
FILES = sorted(SERVICE.glob("*/queries.sql"))


def queries_of(path: Path) -> dict[str, str]:
    """Return the queries of a file by their names."""
    queries: Queries = import_module(f"tracking_service.{path.parent.name}.queries").QUERIES
    return vars(queries)


def used_in(folder: Path) -> set[str]:
    """Return the queries that the modules of a folder ask for, and those that stand in other queries.

    The type checker holds the names in modules to the class.
    """
    inner = set(re.findall(r"\{([a-z_0-9]+)\}", (folder / "queries.sql").read_text(encoding="utf-8")))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")]
    asked_for = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "QUERIES"
    }
    return asked_for | inner


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_no_query_is_left_over(path: Path) -> None:
    """Each is asked for by a module beside it, or is a part of another one."""
    assert queries_of(path).keys() - used_in(path.parent) == set()


def test_no_store_borrows_queries() -> None:
    """Whoever needs what another package asks for calls a function of it."""
    borrowed = {
        f"{path.relative_to(ROOT)}: {node.module}"
        for path in SERVICE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and "QUERIES" in {name.name for name in node.names}
        and node.module != f"tracking_service.{path.parent.name}.queries"
    }
    assert borrowed == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_query_is_described(path: Path) -> None:
    """Its first line is a comment that says what it does."""
    assert [name for name, text in queries_of(path).items() if not re.match(r"-- [A-Z]", text)] == []


class Misspelt(Queries):
    """The queries of a package, one of them misspelt."""

    __module__ = "tracking_service.postgres.misspelt"

    make_partitions: str
    drop_partitions: str
    lock_name: str
    has_role: str
    make_role: str
    list_grants: str
    owns_tables: str


def test_a_class_declares_what_its_file_has() -> None:
    """One that is declared and not written, or written and not declared, fails as it is loaded."""
    with pytest.raises(TypeError, match=r"postgres/queries\.sql and Misspelt .* queries: lock_name, lock_names"):
        Misspelt()
