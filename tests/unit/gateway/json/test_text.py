"""JSON that comes back as it was sent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.json_text import JsonTextError
from gateway.json.text import Num, dumps, is_plain, loads

TEXTS = st.text(st.characters(codec=None), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_goes_in_comes_out(value: Any) -> None:
    """Reading and writing changes nothing: not a number's digits, not a lone surrogate, not NUL."""
    sent = json.dumps(value).encode()
    assert json.loads(dumps(loads(sent))) == value
    assert dumps(loads(dumps(loads(sent)))) == dumps(loads(sent))


@pytest.mark.parametrize(
    "text",
    ["9007199254740993", "1e400", "-0.0", "1.10", "12345678901234567890123456789", '"\\u0000"', '"\\ud800"', '"é"'],
)
def test_numbers_and_odd_characters_keep_their_text(text: str) -> None:
    """Nothing is rounded, shortened or refused."""
    assert dumps(loads(text.encode())).decode() == text


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1,]", b"NaN", b"[Infinity]", b"-Infinity", b"\xff", b'"\xed\xa0\x80"', b"{'a':1}", b"[1] 2"]
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    """Also the constants that Python would take, and what is not UTF-8."""
    with pytest.raises(JsonTextError):
        loads(text)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_has_a_limit(opening: bytes, closing: bytes) -> None:
    """A hundred deep is read, one more is not, nor is what would exhaust the stack."""
    assert loads(opening * 100 + b"1" + closing * 100)
    for depth in (101, 100_000):
        with pytest.raises(JsonTextError):
            loads(opening * depth + b"1" + closing * depth)


def test_a_byte_order_mark_is_no_fault() -> None:
    """Some senders put one."""
    assert loads(b"\xef\xbb\xbf[1]") == [Num("1")]


def test_many_brackets_side_by_side_are_not_deep() -> None:
    """Depth is counted, not brackets."""
    assert loads(b"[" + b",".join([b"[]"] * 500) + b"]") == [[]] * 500


@pytest.mark.parametrize(("text", "expected"), [("é𝄞", True), ("", True), ("a\0", False), ("\ud800", False)])
def test_plain_text_has_neither_nul_nor_lone_surrogate(text: str, expected: bool) -> None:  # noqa: FBT001  (a case)
    """What we interpret must be plain."""
    assert is_plain(text) is expected
