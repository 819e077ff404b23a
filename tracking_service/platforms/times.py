"""Times of deliveries, in UTC; one that cannot be read is not told: the order is recorded without it."""

import re
from datetime import UTC, datetime, timedelta

from common.clock import EPOCH, YEAR_9999_SECONDS

# Fewer digits are a date without dashes rather than a moment of 1970 to 1973.
_NUMBER = re.compile(r"\d{9,16}(\.\d{1,9})?", re.ASCII)
# As seconds they are beyond the calendar's end, as milliseconds they begin in 1978.
_FIRST_MILLISECONDS = YEAR_9999_SECONDS


def written_time(text: str) -> datetime | None:
    """Return a time of RFC 3339 or near it: without a zone it is UTC, "+0000" will do, fractions have any length."""
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at if EPOCH <= at < EPOCH + timedelta(seconds=YEAR_9999_SECONDS) else None


def unix_time(text: str) -> datetime | None:
    """Return a time in Unix seconds, or in milliseconds where seconds would be beyond the year 9998."""
    if not _NUMBER.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    if int(whole) >= _FIRST_MILLISECONDS:
        at = EPOCH + timedelta(milliseconds=min(int(whole), YEAR_9999_SECONDS * 1000))
    else:
        at = EPOCH + timedelta(seconds=int(whole), microseconds=int(fraction[:6].ljust(6, "0")))
    return at if at < EPOCH + timedelta(seconds=YEAR_9999_SECONDS) else None


def any_time(text: str) -> datetime | None:
    """Return a time that is written in either way."""
    return unix_time(text) or written_time(text)
