"""Whoever sends rows to a query names their columns as the query does: no column is taken for another one."""

import ast
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[4]
STORES = sorted(path for path in (ROOT / "tracking_service").rglob("*.py") if "QUERIES." in path.read_text())
RUNS = {"execute", "fetch", "fetchrow", "fetchval"}
SENDS = {"columns", "packed_columns"}
# `texts($1)` or `$1::text[]`, as they stand in `unnest`.
_PARAMETER = r"(?:texts\(\$\d+\)|\$\d+(?:::[a-z]+\[\])?)"
_UNNEST = re.compile(
    rf"unnest\(\s*({_PARAMETER}(?:\s*,\s*{_PARAMETER})*)\s*\)\s*AS\s+(\w+)(?:\s*\(([\w\s,]+)\))?", re.MULTILINE
)


class Sent(NamedTuple):
    """A query with what one caller sends it: by parameter the column's name in Python, "" where it has none."""

    query: str
    place: str
    names: list[str] | None
    """None: how many parameters there are cannot be read from the code."""


def columns_of(text: str) -> dict[int, str]:
    """Return how a query names the columns that it takes, by the numbers of its parameters."""
    found: dict[int, str] = {}
    for parameters, alias, names in _UNNEST.findall(text):
        numbers = [int(number) for number in re.findall(r"\$(\d+)", parameters)]
        given = [name.strip() for name in names.split(",")] if names else [alias]
        found.update(zip(numbers, given, strict=True))
    return found


def parameters_of(text: str) -> int:
    """Return how many parameters a query has."""
    return max((int(number) for number in re.findall(r"\$(\d+)", text)), default=0)


def names_in(call: ast.expr, module: str) -> list[str] | None:
    """Return the names in a call such as `columns(rows, "business_id", *FIGURES)`; None for anything else."""
    if not isinstance(call, ast.Call) or ast.unparse(call.func) not in SENDS:
        return None
    names: list[str] = []
    for argument in call.args[1:]:
        if isinstance(argument, ast.Starred):
            names += attrgetter(ast.unparse(argument.value))(import_module(module))
        else:
            names.append(ast.literal_eval(argument))
    return names


def sent_in(call: ast.Call, assigned: Mapping[str, ast.expr], module: str) -> list[str] | None:
    """Return the names of all that a call sends to its query; assigned holds what the names of its function are."""
    names: list[str] = []
    for argument in call.args[1:]:
        if not isinstance(argument, ast.Starred):
            names.append("")
            continue
        value = argument.value
        sent = names_in(assigned.get(value.id, value) if isinstance(value, ast.Name) else value, module)
        if sent is None:
            return None
        names += sent
    return names


def functions_in(tree: ast.AST) -> Iterator[ast.AsyncFunctionDef]:
    """Yield the functions of a module that may run a query."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef))


def calls_in(path: Path) -> Iterator[Sent]:
    """Yield what a module sends to its queries."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for function in functions_in(ast.parse(path.read_text(encoding="utf-8"))):
        assigned = {
            node.targets[0].id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in RUNS:
                continue
            query = node.args[0]
            if isinstance(query, ast.Attribute) and ast.unparse(query.value) == "QUERIES":
                yield Sent(query.attr, f"{path.name}:{node.lineno}", sent_in(node, assigned, module))


def is_same(in_python: str, in_sql: str) -> bool:
    """Tell whether an attribute, perhaps of an attribute, is what a query names so."""
    return in_sql in (in_python.rpartition(".")[2], in_python.replace(".", "_"))


@pytest.mark.parametrize("path", STORES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_column_arrives_as_itself(path: Path) -> None:
    """A query has as many parameters as its caller sends, and names each column of rows as its caller does."""
    queries = import_module(f"tracking_service.{path.parent.name}.queries").QUERIES
    for sent in calls_in(path):
        text = getattr(queries, sent.query)
        if sent.names is None:
            continue
        assert len(sent.names) == parameters_of(text), f"{sent.place} sends {sent.query} {len(sent.names)} parameters"
        in_sql = columns_of(text)
        for number, name in enumerate(sent.names, start=1):
            assert not name or is_same(name, in_sql.get(number, "")), (
                f"{sent.place} sends {name} as ${number} of {sent.query}, which calls it {in_sql.get(number)}"
            )


def test_what_is_sent_is_read_from_the_code() -> None:
    """Nearly everywhere, so that the test above sees what it is to see."""
    sent = [each for path in STORES for each in calls_in(path)]
    assert len([each for each in sent if each.names is None]) < len(sent) / 10
    assert len([each for each in sent if each.names and any(each.names)]) > 40


def test_a_column_in_another_place_would_be_seen() -> None:
    """Whatever way a query names its columns."""
    text = "FROM unnest(texts($1), $2::uuid[]) AS sent (business_id, id) UNION SELECT unnest($3::text[]) AS name, $4"
    assert (columns_of(text), parameters_of(text)) == ({1: "business_id", 2: "id", 3: "name"}, 4)
    assert is_same("click.id", "id")
    assert is_same("origin.referrer", "origin_referrer")
    assert not is_same("origin.referrer", "referrer_host")
