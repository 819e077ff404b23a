"""Sends rows as columns, and columns of texts as one text each, which costs the driver a twentieth of an array."""

import sys
from collections.abc import Container, Iterator, Sequence
from itertools import islice
from typing import cast

# Of characters that no text of ours has, as a rule; where one has, others are found.
_BETWEEN = "\x1f"
_NOTHING = "\x1e"
_FIRST_PRIVATE = 0xE000


def packed_columns(rows: Sequence[tuple[object, ...]]) -> list[object]:
    """Return rows, of which there is at least one, as `columns`, with each column of texts as one for `texts()` in SQL.

    A column without any value is None: `unnest` fills it up.
    """
    return [_packed_column(column) for column in zip(*rows, strict=True)]


def _packed_column(column: tuple[object, ...]) -> object:
    sample = next((value for value in column if value is not None), None)
    if sample is None:
        return None
    return packed_texts(cast("Sequence[str | None]", column)) if isinstance(sample, str) else column


def packed_texts(texts: Sequence[str | None]) -> str:
    """Return texts as one, for `texts()` in SQL: what is between them, what stands for None, and all of them."""
    between, nothing = _BETWEEN, _NOTHING
    joined = "".join(text for text in texts if text is not None)
    if between in joined or nothing in joined:
        used = set(joined)
        between, nothing = (character for character in islice(_unused(used), 2))
    return between + nothing + between.join([nothing if text is None else text for text in texts])


def _unused(used: Container[str]) -> Iterator[str]:
    """Yield characters that are not used, from those that nobody has a use for."""
    return (chr(code) for code in range(_FIRST_PRIVATE, sys.maxunicode + 1) if chr(code) not in used)


def columns(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return rows as columns, one array a parameter of `unnest`; no rows give no columns."""
    return list(zip(*rows, strict=True))
