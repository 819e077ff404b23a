"""The words that clicks, events and reports share: scopes, buckets, keys of sessions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

Scope = tuple[str, str]
"""What counters are kept for: its kind and its id, such as ("campaign", "spring")."""

BUSINESS_SCOPE: Scope = ("business", "")
LINK = "link"

# The smallest step in which time zones differ.
BUCKET = timedelta(minutes=15)
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_BUCKETS_REMEMBERED = 10_000


class SessionKey(NamedTuple):
    """What finds a session."""

    business_id: str
    session: str


def bucket_of(at: datetime) -> datetime:
    """Return the start of the quarter of an hour that a time lies in; the same as `date_bin` gives in SQL."""
    return _bucket((at - _ORIGIN) // BUCKET)


@lru_cache(_BUCKETS_REMEMBERED)
def _bucket(number: int) -> datetime:
    """Return the start of a quarter of an hour: one object for all clicks in it, whose hash is known."""
    return _ORIGIN + number * BUCKET


def day_of(at: datetime) -> datetime:
    """Return the start of the day of UTC that a time lies in."""
    return at - (at - _ORIGIN) % _DAY


def day_behind(at: datetime) -> datetime:
    """Return the first start of a day of UTC that does not lie before a time."""
    return day_of(at + _DAY - timedelta(microseconds=1))


def scopes_of(*, campaign: str | None, journey: str | None, message: str | None, link: str | None) -> Iterator[Scope]:
    """Yield the scopes that something belongs to, the business first; None and "" both mean that there is none."""
    yield BUSINESS_SCOPE
    if campaign:
        yield "campaign", campaign
    if journey:
        yield "journey", journey
    if message:
        yield "message", message
    if link:
        yield LINK, link


def by_day(scope: str) -> str:
    """Return the kind of scope whose breakdowns count the same by whole days of UTC."""
    return f"{scope} day"


def cohort_of(scope: str) -> str | None:
    """Return the kind of scope that counts the same by the date of the link; None for a link, which has one date."""
    return None if scope == LINK else f"{scope} cohort"
