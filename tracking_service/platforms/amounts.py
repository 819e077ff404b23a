"""Amounts of deliveries: from the text that they were written in, never a float, in major units."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal

from tracking_service.money import EXPONENTS, is_amount

# No sum that 64 bits of minor units hold has more digits before its point; nothing behind it is finer.
_MOST_DIGITS = 20
_CONTEXT = Context(prec=200)
_PLAIN = re.compile(r"\d+(\.\d+)?", re.ASCII)


def major(text: str) -> str | None:
    """Return a decimal number, such as "4.15e4", without an exponent; None where it is none or is negative."""
    if not is_amount(text):
        return None
    return text if _PLAIN.fullmatch(text) else _written(Decimal(text), 0)


def from_minor(text: str, exponent: int) -> str | None:
    """Return a number of minor units in major ones: "3990" with an exponent of 2 is "39.90"; None where it is none."""
    return _written(Decimal(text), exponent) if is_amount(text) else None


def total(amounts: Iterable[str]) -> str:
    """Return the sum of decimal numbers without exponents."""
    sum_ = Decimal(0)
    for amount in amounts:
        sum_ = _CONTEXT.add(sum_, Decimal(amount))
    return f"{sum_:f}"


def is_zero(amount: str) -> bool:
    """Tell whether a decimal number is zero, however it is written."""
    return Decimal(amount).is_zero()


def currency(text: str) -> str | None:
    """Return the code of a currency as ISO 4217 writes it, None where it is not one that there is."""
    code = text.strip().upper()
    return code if code in EXPONENTS else None


def _written(amount: Decimal, exponent: int) -> str | None:
    if amount.is_zero():
        return "0"
    # A short text with an exponent can be a number of a million digits.
    return f"{_CONTEXT.scaleb(amount, -exponent):f}" if abs(amount.adjusted()) <= _MOST_DIGITS else None
