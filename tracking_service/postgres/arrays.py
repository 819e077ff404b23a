"""Sends rows as columns, each by its name, and columns of texts as one text each.

A query names the columns that it takes, `unnest($1::text[], …) AS sent (business_id, …)`, and its caller names the
attributes that they are read from, in the same order: `columns(rows, "business_id", …)`. A test holds the names of both
against each other; of `click.business_id` either the last name counts or all of it, `click_business_id`.
"""

import sys
from collections.abc import Collection, Container, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import cast

# Of characters that no text of ours has, as a rule; where one has, others are found.
_BETWEEN = "\x1f"
_NOTHING = "\x1e"
_FIRST_PRIVATE = 0xE000


def columns(rows: Collection[object], *names: str) -> list[Sequence[object]]:
    """Return the attributes named of rows, an array for each name: the parameters of an `unnest`.

    A dot leads on to an attribute's own attribute. No rows give empty arrays.
    """
    if not rows:
        return [()] * len(names)
    if len(names) == 1:
        return [list(map(attrgetter(*names), rows))]
    # All of a row at once takes half the time of one column after the other.
    return list(zip(*map(attrgetter(*names), rows), strict=True))


def packed_columns(rows: Collection[object], *names: str) -> list[object]:
    """Return rows as `columns`, with each column of texts as one for `texts()` in SQL, which costs a twentieth.

    A column without any value is None: `unnest` fills it up.
    """
    return [_packed_column(column) for column in columns(rows, *names)]


def _packed_column(column: Sequence[object]) -> object:
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
    """Yield characters that are not used, from those that no text has a use for."""
    return (chr(code) for code in range(_FIRST_PRIVATE, sys.maxunicode + 1) if chr(code) not in used)
