"""Amounts of money: decimals outside, integer minor units inside, never a float."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

_TWO_DECIMALS = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER "
    "ZAR ZMW ZWG ZWL"
)
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in ((2, _TWO_DECIMALS), (0, _NO_DECIMALS), (3, _THREE_DECIMALS), (4, _FOUR_DECIMALS))
    for code in codes.split()
}

# What 64 bits of minor units hold.
LARGEST = 2**63 - 1
# No amount that fits has more digits before its point; beyond that a number would only cost memory.
_LARGEST_MAGNITUDE = 20
_LONGEST_TEXT = 100
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
# As many digits as the longest text can hold, so that nothing is rounded twice.
_CONTEXT = Context(prec=_LONGEST_TEXT + _LARGEST_MAGNITUDE)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency: 39500 of USD are 395.00 dollars."""

    minor: int
    currency: str


class AmountError(ValueError):
    """A text that is no amount; says why, for its sender."""


def parse_minor(text: str, currency: str) -> int:
    """Return a decimal number as minor units of a known currency, rounded half-even.

    Raises `AmountError` for what is no number, is negative, or does not fit into 64 bits.
    """
    if len(text) > _LONGEST_TEXT or not _NUMBER.fullmatch(text):
        raise AmountError("must be a decimal number")
    amount = Decimal(text)
    if amount.is_zero():
        return 0
    if amount.is_signed():
        raise AmountError("must not be negative")
    if amount.adjusted() > _LARGEST_MAGNITUDE:
        raise AmountError("is too large")
    if amount.adjusted() < -_LARGEST_MAGNITUDE:
        return 0
    minor = int(_CONTEXT.scaleb(amount, EXPONENTS[currency]).to_integral_value(ROUND_HALF_EVEN, _CONTEXT))
    if minor > LARGEST:
        raise AmountError("is too large")
    return minor


def is_amount(text: str | None) -> bool:
    """Tell whether a text is a decimal number that is not negative."""
    return (
        text is not None
        and len(text) <= _LONGEST_TEXT
        and bool(_NUMBER.fullmatch(text))
        and not Decimal(text).is_signed()
    )


def format_minor(minor: int, currency: str) -> str:
    """Return minor units as a decimal with as many digits behind the point as the currency has."""
    exponent = EXPONENTS[currency]
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"
