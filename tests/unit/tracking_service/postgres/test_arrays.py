"""Columns of texts are sent as one text each."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_service.postgres.arrays import columns, packed_columns, packed_texts


def _unpacked(packed: str) -> list[str | None]:
    """Return what `texts()` makes of it."""
    return [None if text == packed[1] else text for text in packed[2:].split(packed[0])]


@given(st.lists(st.none() | st.text(alphabet="\x1e\x1f\ue000\ue001ab"), min_size=1))
def test_texts_come_apart_as_they_were(texts: list[str | None]) -> None:
    """Whatever characters they have, those included that stand between them as a rule."""
    assert _unpacked(packed_texts(texts)) == texts


class Row(NamedTuple):
    """A row of three columns."""

    number: int
    name: str | None = None
    other: "Row | None" = None


def test_columns_are_read_by_their_names() -> None:
    """In the order of the names, whatever that of the fields is; a dot leads on."""
    rows = [Row(1, "a", Row(3, "c")), Row(2, "b", Row(4, None))]
    assert columns(rows, "name", "other.number", "number") == [("a", "b"), (3, 4), (1, 2)]
    assert columns(rows, "name") == [["a", "b"]]
    assert columns([], "name", "number") == [(), ()]


def test_a_name_that_is_not_there_is_an_error() -> None:
    """No other column is taken for it."""
    with pytest.raises(AttributeError):
        columns([Row(1)], "number", "nmae")


def test_only_texts_are_packed() -> None:
    """Other columns stay arrays, and one without any value is left out."""
    assert packed_columns([Row(1, "a"), Row(2)], "number", "name", "other") == [(1, 2), "\x1f\x1ea\x1f\x1e", None]
    assert packed_columns([], "number", "name") == [None, None]
