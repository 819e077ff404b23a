"""Columns of texts are sent as one text each."""

from hypothesis import given
from hypothesis import strategies as st

from tracking_service.postgres.arrays import packed_columns, packed_texts


def _unpacked(packed: str) -> list[str | None]:
    """Return what `texts()` makes of it."""
    return [None if text == packed[1] else text for text in packed[2:].split(packed[0])]


@given(st.lists(st.none() | st.text(alphabet="\x1e\x1f\ue000\ue001ab"), min_size=1))
def test_texts_come_apart_as_they_were(texts: list[str | None]) -> None:
    """Whatever characters they have, those included that stand between them as a rule."""
    assert _unpacked(packed_texts(texts)) == texts


def test_only_texts_are_packed() -> None:
    """Other columns stay arrays, and one without any value is left out."""
    assert packed_columns([(1, "a", None, None), (2, None, None, "b")]) == [
        (1, 2),
        "\x1f\x1ea\x1f\x1e",
        None,
        "\x1f\x1e\x1e\x1fb",
    ]
