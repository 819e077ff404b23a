"""Mappings stay short, and know nothing but what they are given."""

import ast
from pathlib import Path

import pytest

import tracking_service.platforms

FOLDER = Path(next(iter(tracking_service.platforms.__path__)))
MOST_LINES = 60
# What would let a mapping depend on more than a delivery: on another machine, on a disk, on the time.
OUTSIDE = {
    "asyncio",
    "asyncpg",
    "grpc",
    "httpx",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "time",
    "urllib.request",
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_mapping_is_short_and_pure(path: Path) -> None:
    """So that it can be read beside its platform's documentation, and run again on what was kept."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
    assert not any(isinstance(node, ast.AsyncFunctionDef) for node in functions)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported & OUTSIDE == set()
