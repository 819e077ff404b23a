"""Money is exact: decimals outside, integer minor units inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_service.money import EXPONENTS, LARGEST, AmountError, format_minor, parse_minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("395", "USD", 39500),
        ("395.00", "USD", 39500),
        ("3.95e2", "USD", 39500),
        ("+.5", "USD", 50),
        ("5.", "USD", 500),
        ("0.005", "USD", 0),
        ("0.015", "USD", 2),
        ("0.025", "USD", 2),
        ("0.0150000000000000000000000001", "USD", 2),
        ("0.02500000000000000000000000000000000000001", "USD", 3),
        ("-0", "USD", 0),
        ("0e999999", "USD", 0),
        ("1e-999999", "USD", 0),
        ("1000.4", "JPY", 1000),
        ("1.2345", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("92233720368547758.07", "USD", LARGEST),
    ],
)
def test_an_amount_is_rounded_half_even_to_its_currency(text: str, currency: str, minor: int) -> None:
    """Once, from the text."""
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1,5", "ten", "NaN", "Infinity", "-1", "-0.001", "1e400", "1e999999", "92233720368547758.08",
     "1_000", "٣", "1\n", "1" * 101, "0x10", "e5", "."],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Whatever its size, without computing it."""
    with pytest.raises(AmountError):
        parse_minor(text, "USD")


@given(st.integers(min_value=0, max_value=LARGEST), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_written_is_read_again(minor: int, currency: str) -> None:
    """To the last minor unit, in every currency."""
    assert parse_minor(format_minor(minor, currency), currency) == minor


@given(st.integers(), st.sampled_from(["USD", "JPY", "KWD"]))
def test_what_is_written_has_the_digits_of_its_currency(minor: int, currency: str) -> None:
    """Negative amounts too."""
    text = format_minor(minor, currency)
    assert int(text.replace(".", "")) == minor
    assert len(text.partition(".")[2]) == EXPONENTS[currency]
