"""Writes figures as people read them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC
from clicktrail.tracking.v1.refused_request_service_pb2 import RefusedRequests

# Between an amount and its currency no line breaks.
_JOINED = "\u00a0"
# Enough to tell the templates of a campaign apart.
_TEMPLATE_LENGTH = 8
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

# What was there instead of a person, as the list of what happened says it.
OTHER_HITS = {
    "preview": "Previewed by an app",
    "bot": "Opened by a bot",
    "scanner": "Opened by a security scanner",
    "prefetch": "Fetched ahead by a browser",
    "head": "Looked up, not opened",
}
ACTIONS = {"short_link.clicked": "Clicked the link"}
VALUES = {
    "unknown": "Unknown",
    "other": "Others",
    "direct": "Opened directly",
    "mobile": "Phone",
    "tablet": "Tablet",
    "desktop": "Computer",
    "human": "People",
    "preview": "Link previews",
    "bot": "Bots",
    "scanner": "Security scanners",
    "prefetch": "Prefetches",
    "head": "Lookups without opening",
    "link": "By the link",
    "qr": "By its QR code",
}

# What refused requests asked for, and who sent them, by the words of the API.
REFUSED = {
    "events": "with events",
    "orders": "with orders",
    "sessions": "for new sessions",
    "identifications": "with identifications",
    "links": "to make links",
    "requests": "of other kinds",
}
SENDERS = {CREDENTIAL_PUBLIC: "from pages", CREDENTIAL_PRIVATE: "from your servers"}


def count(number: int) -> str:
    """Return a whole number, such as "12,345"."""
    return f"{number:,}"


def number(amount: float) -> str:
    """Return a number with at most one digit behind the point, such as "12.5"."""
    return f"{amount:,.1f}".removesuffix(".0")


def percent(rate: float) -> str:
    """Return a rate, such as "12.5 %"."""
    return f"{number(rate * 100)}{_JOINED}%"


def money(one: Money) -> str:
    """Return an amount with as many digits behind the point as its currency has, such as "1,395.00 USD"."""
    try:
        amount = f"{Decimal(one.amount):,f}"
    except InvalidOperation:
        amount = one.amount
    return amount.replace("-", "\u2212") + _JOINED + one.currency


def amounts(given: Iterable[Money]) -> list[str]:
    """Return amounts of several currencies."""
    return [money(one) for one in given]


def duration(seconds: float) -> str:
    """Return a length of time by its two largest units, such as "2 h 5 min"."""
    left = round(seconds)
    first = next((place for place, (size, _) in enumerate(_UNITS) if left >= size), len(_UNITS) - 1)
    parts: list[str] = []
    for size, unit in _UNITS[first : first + 2]:
        number, left = divmod(left, size)
        if number or not parts:
            parts.append(f"{number}{_JOINED}{unit}")
    return " ".join(parts)


def action(name: str) -> str:
    """Return an action in words: "order.placed" is "Order placed"."""
    return ACTIONS.get(name) or name.replace(".", " ").replace("_", " ").capitalize()


def refused(one: RefusedRequests) -> str:
    """Return refused requests in words, such as "1,200 with events from pages"."""
    return f"{count(one.count)} {REFUSED.get(one.kind, REFUSED['requests'])} {SENDERS.get(one.credential, '')}".rstrip()


def value(dimension: str, text: str) -> str:
    """Return the value of a breakdown in words, where it has some."""
    if dimension == "link" and text not in VALUES:
        return f"Template {text[:_TEMPLATE_LENGTH]}"
    if dimension == "verdict" or text in {"unknown", "other"} or dimension in {"device", "referrer", "source"}:
        return VALUES.get(text, text)
    return text or "Unknown"


def day(at: datetime) -> str:
    """Return a date, such as "Mon 4 May 2026"."""
    return f"{at:%a} {at.day} {at:%b %Y}"


def moment(at: datetime) -> str:
    """Return a time to the minute, such as "4 May 2026, 03:02"."""
    return f"{at.day} {at:%b %Y, %H:%M}"


def point(at: datetime, width: timedelta) -> str:
    """Return the name of a stretch of time: its day, or for less than a day its time."""
    if width >= timedelta(days=1):
        return f"{at.day} {at:%b}"
    return f"{at.day} {at:%b, %H:%M}"
