"""Loads the SQL of the service: each query stands in a file, named and described."""

import re
from importlib.resources import files

# `-- name: insert_clicks`, then a comment that says what it does, then the statement.
_NAME = re.compile(r"^-- name: ([a-z_0-9]+)$", re.MULTILINE)


class Queries:
    """The queries of one file, each an attribute that holds its text."""

    def __init__(self, source: str, texts: dict[str, str]) -> None:
        self._source = source
        self._texts = texts

    def __getattr__(self, name: str) -> str:
        if name.startswith("_") or name not in self._texts:
            raise AttributeError(f"{self._source} has no query named {name}")
        return self._texts[name]

    def __dir__(self) -> list[str]:
        return sorted(self._texts)


def load(package: str) -> Queries:
    """Return the queries of `queries.sql` in a package: `load(__package__)`."""
    source = f"{package.replace('.', '/')}/queries.sql"
    text = (files(package) / "queries.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    names = parts[0::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{source} names a query twice")
    return Queries(source, dict(zip(names, (body.strip() for body in parts[1::2]), strict=True)))
