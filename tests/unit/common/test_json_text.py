"""JSON is read without changing it, and compared by what it says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.json_text import JsonTextError, Number, canonical, merged, parse

Values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("text", [b"", b"{", b"NaN", b"[1, -Infinity]", b"\xff", b'"\xed\xa0\x80"', b"{'a': 1}", b"01"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """Also what only Python takes."""
    with pytest.raises(JsonTextError):
        parse(text)


def test_nesting_has_a_limit() -> None:
    """A hundred deep is taken, one more is refused, and so is what would exhaust the stack."""
    assert parse(b"[" * 100 + b"]" * 100)
    for depth in (101, 30_000):
        with pytest.raises(JsonTextError, match="nested"):
            parse(b"[" * depth + b"]" * depth)
    assert parse(b"[" + b"[]," * 5_000 + b"[]]")


def test_size_has_a_limit() -> None:
    """64 KB."""
    assert parse(b'"' + b"a" * 65_534 + b'"')
    with pytest.raises(JsonTextError, match="64 KB"):
        parse(b'"' + b"a" * 65_535 + b'"')


def test_numbers_stay_as_they_were_written() -> None:
    """However large."""
    value = parse(b"[9007199254740993, 1e400, 1.0]" + b" " * 10)
    assert [number.text for number in value if isinstance(number, Number)] == ["9007199254740993", "1e400", "1.0"]
    assert parse(b"1" * 20_000).text == "1" * 20_000


@given(Values)
def test_the_canonical_text_does_not_depend_on_layout(value: Any) -> None:
    """Neither on the order of keys nor on spaces or escapes."""
    texts = [json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)]
    first, second = (canonical(parse(text.encode())) for text in texts)
    assert first == second


@given(Values, Values)
def test_what_differs_has_another_canonical_text(one: Any, other: Any) -> None:
    """A number is not the string of its digits."""
    same = canonical(parse(json.dumps(one).encode())) == canonical(parse(json.dumps(other).encode()))
    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))
    assert canonical(parse(b"1")) != canonical(parse(b'"1"'))


@given(st.dictionaries(st.text(), Values), st.dictionaries(st.text(), Values))
def test_the_later_object_wins_member_by_member(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    """What it does not say stays as it was."""
    together = merged(json.dumps(earlier, indent=1), json.dumps(later, ensure_ascii=False))
    assert json.dumps(json.loads(together), sort_keys=True) == json.dumps(earlier | later, sort_keys=True)


def test_members_are_copied_to_the_letter() -> None:
    """Numbers, escapes, and of a name that stands there twice the last."""
    earlier = '{"n": 1e400, "half": "\\ud800", "a": 1, "a": 9007199254740993}'
    together = merged(earlier, '{ "b" :[1.0 ,2] }')
    assert together == '{"n": 1e400, "half": "\\ud800", "a": 9007199254740993, "b": [1.0 ,2]}'


def test_what_is_known_of_an_object_stays_within_bounds() -> None:
    """Beyond the largest text the later one stands alone."""
    earlier, later = json.dumps({"a": "x" * 40_000}), json.dumps({"b": "x" * 40_000})
    assert merged(earlier, later) == later
