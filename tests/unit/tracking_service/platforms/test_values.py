"""Amounts, times and sessions of deliveries."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.platforms.deliveries import OTHER_SESSION, SESSION, SHOP
from tracking_service.money import is_amount
from tracking_service.platforms import amounts
from tracking_service.platforms.fields import numbers_shown, read_object
from tracking_service.platforms.platform import UnreadableDelivery, hook_request
from tracking_service.platforms.sessions import candidates
from tracking_service.platforms.times import any_time, unix_time, written_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2770.00", "2770.00"),
        ("41500.5", "41500.5"),
        ("4.15e4", "41500"),
        ("0.1e-1", "0.01"),
        ("0e999999", "0"),
        ("+5", "5"),
        ("5.", "5"),
        ("-5", None),
        ("1e999999", None),
        ("1e-999999", None),
        ("1" * 99 + "e999999", None),
        ("1,5", None),
        ("", None),
        ("NaN", None),
    ],
)
def test_an_amount_has_no_exponent(text: str, expected: str | None) -> None:
    """And is not made into a number of a million digits."""
    assert amounts.major(text) == expected


@given(st.text(alphabet="0123456789.eE+-", max_size=110), st.sampled_from([0, 2, 3]))
def test_no_text_of_an_amount_is_an_error(text: str, exponent: int) -> None:
    """What comes of it is an amount, or nothing does."""
    for amount in (amounts.major(text), amounts.from_minor(text, exponent)):
        assert amount is None or (is_amount(amount) and "e" not in amount.lower())


@given(st.integers(min_value=0, max_value=10**18), st.sampled_from([0, 2, 3]))
def test_minor_units_are_exact(minor: int, exponent: int) -> None:
    """None of them is lost."""
    amount = amounts.from_minor(str(minor), exponent)
    assert amount is not None
    assert Decimal(amount).scaleb(exponent) == minor


@given(st.lists(st.decimals(min_value=0, max_value=10**12, places=3), min_size=1, max_size=20))
def test_a_total_is_exact(parts: list[Decimal]) -> None:
    """As decimals are added, not floats."""
    assert Decimal(amounts.total(f"{part:f}" for part in parts)) == sum(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T14:03:22-03:00", datetime(2026, 11, 20, 17, 3, 22, tzinfo=UTC)),
        ("2026-11-20T14:40:02", datetime(2026, 11, 20, 14, 40, 2, tzinfo=UTC)),
        ("2026-11-20T17:10:00+0000", datetime(2026, 11, 20, 17, 10, tzinfo=UTC)),
        ("2026-11-20T17:05:02.0000002Z", datetime(2026, 11, 20, 17, 5, 2, tzinfo=UTC)),
        ("2026-11-20T13:12:20.000-04:00", datetime(2026, 11, 20, 17, 12, 20, tzinfo=UTC)),
        ("2026-11-20 17:10:00.000000", datetime(2026, 11, 20, 17, 10, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("0000-00-00T00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("1969-12-31T23:59:59Z", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_platforms_write_it(text: str, expected: datetime | None) -> None:
    """One that is none is not told."""
    assert written_time(text) == expected


def test_unix_times_are_seconds_or_milliseconds() -> None:
    """A date without dashes is neither."""
    at = datetime(2026, 11, 20, 15, 0, 3, tzinfo=UTC)
    assert unix_time(str(int(at.timestamp()))) == at
    assert any_time(f"{int(at.timestamp())}000") == at
    assert any_time(f"{int(at.timestamp())}.5") == at.replace(microsecond=500000)
    assert any_time("20261120") == datetime(2026, 11, 20, tzinfo=UTC)
    assert any_time("9" * 16) is None
    assert unix_time("9" * 400) is None


@given(st.text(max_size=40))
def test_no_text_of_a_time_is_an_error(text: str) -> None:
    """It is a time or none."""
    at = any_time(text)
    assert at is None or at.tzinfo is UTC


@given(st.text(max_size=200))
def test_no_address_is_an_error(address: str) -> None:
    """What it holds is a session or is not told."""
    assert candidates(SHOP, explicit=[address], addresses=[address, f"/?hello_session={address}"]) is not None


def test_candidates_are_few_and_each_is_there_once() -> None:
    """What is too short, or holds what no session holds, is none."""
    address = f"/?hello_session={SESSION}&hello_session={OTHER_SESSION}&hellotext_session={OTHER_SESSION}"
    assert candidates(SHOP, explicit=[SESSION, "short", "é" * 32, ""], addresses=[address]) == (SESSION, OTHER_SESSION)
    assert len(candidates(SHOP, explicit=[f"{SESSION[:-2]}{number}" for number in range(10, 99)])) == 5


def test_numbers_are_known_with_a_sign_and_without() -> None:
    """The reference itself is no other name."""
    assert numbers_shown("5021", "5021", "#1042", "1042") == ("#5021", "1042", "#1042")
    assert numbers_shown("1", "", "#") == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 5000, b"{" * 5000, b'{"a": NaN}', b'{"a": 1' + b"0" * 9999],
)
def test_a_body_that_is_no_object_is_unreadable(body: bytes) -> None:
    """With the reason."""
    with pytest.raises(UnreadableDelivery, match=r"^The body "):
        read_object(body)


def test_what_no_database_holds_is_replaced() -> None:
    """NUL, and half a character."""
    fields = read_object(rb'{"a": "x\u0000y", "b": "\ud83d", "c": "\ud83d\ude00"}')
    assert [fields.text(name) for name in "abc"] == ["x\ufffdy", "\ufffd", "😀"]


def test_of_what_is_repeated_the_first_counts() -> None:
    """Names of headers in any case."""
    request = hook_request([("X-A", "1"), ("x-a", "2")], [("a", "1"), ("a", "2")], b"", datetime.now(UTC))
    assert (request.headers, request.query) == ({"x-a": "1"}, {"a": "1"})
