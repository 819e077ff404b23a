"""Loads the SQL of the service: each query stands in a file, named and described, and is declared in a class."""

import re
from importlib.resources import files
from inspect import get_annotations

# `-- name: insert_clicks`, then a comment that says what it does, then the statement.
_NAME = re.compile(r"^-- name: ([a-z_0-9]+)$", re.MULTILINE)
# Where another query of the same file is named in braces, it stands there: `WITH {visits}, …`.
_SLOT = re.compile(r"\{([a-z_0-9]+)\}")


class Queries:
    """The queries of `queries.sql` beside the module of a class that declares each: `insert_clicks: str`.

    So a misspelt one fails the type checker, and one that only the file or only the class has fails when it is loaded.
    """

    def __init__(self) -> None:
        package = type(self).__module__.rpartition(".")[0]
        source = f"{package.replace('.', '/')}/queries.sql"
        texts = _texts((files(package) / "queries.sql").read_text(encoding="utf-8"), source)
        declared = get_annotations(type(self)).keys()
        if astray := sorted(texts.keys() ^ declared):
            raise TypeError(f"{source} and {type(self).__name__} do not have the same queries: {', '.join(astray)}")
        vars(self).update(texts)


class PostgresQueries(Queries):
    """The queries that know no word of the domain."""

    make_partitions: str
    drop_partitions: str
    lock_names: str
    has_role: str
    make_role: str
    list_grants: str
    owns_tables: str


def _texts(text: str, source: str) -> dict[str, str]:
    _, *parts = _NAME.split(text)
    names = parts[0::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{source} names a query twice")
    texts = dict(zip(names, (body.strip() for body in parts[1::2]), strict=True))
    return {name: _SLOT.sub(lambda slot: texts.get(slot[1], slot[0]), body) for name, body in texts.items()}


QUERIES = PostgresQueries()
