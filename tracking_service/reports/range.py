"""Cut the range of a report into hours or days of a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from common.clock import EPOCH, timezones
from common.errors import Fault, field_fault, invalid
from tracking_service.counters.scopes import BUCKET, bucket_of

POINTS_LIMIT = 1_000
# Up to this much, a point is an hour unless an interval is asked for.
HOURLY_UP_TO = timedelta(days=7)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class Basis(StrEnum):
    """By which date something enters a report: its own, or that of the link that led to it."""

    EVENT = "event"
    COHORT = "cohort"


class Interval(StrEnum):
    """The width of a point."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class WantedRange:
    """The range that was asked for. None: the whole life, up to now, hours or days by its length."""

    from_at: datetime | None
    to_at: datetime | None
    timezone: str
    interval: Interval | None
    basis: Basis = Basis.EVENT


@dataclass(frozen=True, slots=True)
class Range:
    """A range [from_at, to_at) and the starts of its points, the first of which may lie before it."""

    from_at: datetime
    to_at: datetime
    timezone: str
    interval: Interval
    points: tuple[datetime, ...]
    basis: Basis = Basis.EVENT


WHOLE_LIFE = WantedRange(from_at=None, to_at=None, timezone="UTC", interval=Interval.DAY)


def whole(range_: Range) -> Range:
    """Return a range as one point."""
    return replace(range_, points=(range_.from_at,))


def check(wanted: WantedRange) -> None:
    """Raise INVALID with every fault of what was asked for."""
    faults = [fault for name, at in (("from", wanted.from_at), ("to", wanted.to_at)) for fault in _faults(name, at)]
    if wanted.timezone not in timezones():
        faults.append(field_fault("timezone", 'must be an IANA time zone, such as "Europe/Berlin".'))
    if wanted.from_at is not None and wanted.to_at is not None and wanted.from_at > wanted.to_at:
        faults.append(field_fault("from", "must not lie behind `to`."))
    if faults:
        raise invalid(faults)


def resolve(wanted: WantedRange, first_at: datetime | None, now: datetime) -> Range:
    """Return the range that is meant by what was asked for, which was checked.

    first_at is the bucket of the first click or event; None: there is none. A start that was not asked for goes down to
    the start of its hour or day, and no further back than the points suffice for. Raises INVALID naming `interval`
    where a range that was asked for has too many points.
    """
    zone = ZoneInfo(wanted.timezone)
    to_at = wanted.to_at or bucket_of(now + BUCKET)
    from_at = min(first_at or to_at, to_at) if wanted.from_at is None else wanted.from_at
    to_at = max(from_at, to_at)
    interval = wanted.interval or (Interval.HOUR if to_at - from_at <= HOURLY_UP_TO else Interval.DAY)
    if wanted.from_at is None:
        # One event dated far back must not make the report of a whole life impossible. Two points less, for the parts
        # at both ends.
        from_at = max(from_at, to_at - (POINTS_LIMIT - 2) * (_HOUR if interval is Interval.HOUR else _DAY))
    points = tuple(_points(from_at, to_at, zone, interval))
    if len(points) > POINTS_LIMIT:
        few = f"makes more than {POINTS_LIMIT} points of this range: ask for days, or for a shorter one."
        raise invalid([field_fault("interval", few)])
    if wanted.from_at is None and points:
        from_at = points[0]
    return Range(from_at, to_at, wanted.timezone, interval, points, wanted.basis)


def _faults(name: str, at: datetime | None) -> Iterator[Fault]:
    if at is not None and not EPOCH <= at <= _LATEST:
        yield field_fault(name, "must lie in the years 1970 to 8999.")
    elif at is not None and at != bucket_of(at):
        yield field_fault(name, "must lie on a quarter of an hour.")


def _points(from_at: datetime, to_at: datetime, zone: ZoneInfo, interval: Interval) -> Iterator[datetime]:
    """Yield the starts of the points that cover a range; one more than allowed at most."""
    if from_at >= to_at:
        return
    starts = _hours(from_at, zone) if interval is Interval.HOUR else _days(from_at, zone)
    for _, start in zip(range(POINTS_LIMIT + 1), starts, strict=False):
        if start >= to_at:
            return
        yield start


def _hours(from_at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the starts of hours by a zone's clock; where the clock jumps by half an hour, one is longer or shorter."""
    start = from_at - _into_hour(from_at, zone)
    while True:
        yield start
        start += _HOUR - _into_hour(start, zone)


def _into_hour(at: datetime, zone: ZoneInfo) -> timedelta:
    local = at.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second)


def _days(from_at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the starts of days by a zone's calendar; a day that a zone left out is left out."""
    day = from_at.astimezone(zone).date()
    last: datetime | None = None
    while True:
        start = _midnight(day, zone)
        if last is None or start > last:
            yield start
        last, day = start, day + _DAY


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a day; a midnight that the clock jumped over is the moment of the jump."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
