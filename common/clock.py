"""Times: aware, in UTC, in microseconds."""

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

from google.protobuf.timestamp_pb2 import Timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
YEAR_9999_SECONDS = 253_370_764_800
_NANOSECONDS = 1_000_000_000


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def to_timestamp(at: datetime) -> Timestamp:
    """Return an aware time as a protobuf timestamp, to the microsecond."""
    seconds, microseconds = divmod((at - EPOCH) // _MICROSECOND, 1_000_000)
    return Timestamp(seconds=seconds, nanos=microseconds * 1000)


def from_timestamp(stamp: Timestamp) -> datetime:
    """Return a protobuf timestamp as an aware time in UTC, cut to the microsecond."""
    return EPOCH + timedelta(0, stamp.seconds, stamp.nanos // 1000)  # by position: half the time of names


def is_in_calendar(stamp: Timestamp) -> bool:
    """Tell whether a timestamp is one of the years 1970 to 9998: beyond, time zones and databases run out of years."""
    return 0 <= stamp.seconds < YEAR_9999_SECONDS and 0 <= stamp.nanos < _NANOSECONDS


def now_timestamp() -> Timestamp:
    """Return the present time as a protobuf timestamp, to the microsecond."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanoseconds // 1000 * 1000)


def stamp_milliseconds(stamp: Timestamp) -> int:
    """Return the whole milliseconds since 1970 of a protobuf timestamp."""
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def milliseconds(at: datetime) -> int:
    """Return the whole milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def to_rfc3339(at: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, with microseconds only where there are any."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


@cache
def timezones() -> frozenset[str]:
    """Return the names of all time zones; not those that mean another one on each machine."""
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}
