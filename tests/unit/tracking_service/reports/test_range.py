"""Ranges of reports and their points, across the jumps of clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ClicktrailError
from tracking_service.counters.scopes import BUCKET, bucket_of
from tracking_service.reports.range import POINTS_LIMIT, Interval, Range, WantedRange, check, resolve

NOW = datetime(2026, 11, 22, 10, 7, tzinfo=UTC)
ZONES = ["UTC", "America/Montevideo", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]


def at(text: str) -> datetime:
    """Return a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def range_of(from_: str, to: str, zone: str = "UTC", interval: Interval | None = None) -> Range:
    """Return a range asked for."""
    wanted = WantedRange(at(from_), at(to), zone, interval)
    check(wanted)
    return resolve(wanted, None, NOW)


def points(range_: Range) -> list[str]:
    """Return the starts of the points, without their zone."""
    return [start.strftime("%Y-%m-%dT%H:%M") for start in range_.points]


def test_hours_up_to_a_week_and_days_beyond() -> None:
    """Where nobody says otherwise."""
    assert len(range_of("2026-11-01", "2026-11-08").points) == 7 * 24
    assert range_of("2026-11-01", "2026-11-08").interval is Interval.HOUR
    assert len(range_of("2026-11-01", "2026-11-08T00:15").points) == 8
    assert range_of("2026-11-01", "2026-11-08T00:15").interval is Interval.DAY


def test_hours_of_a_zone_between_ours() -> None:
    """In Kathmandu an hour begins at a quarter past in UTC."""
    assert points(range_of("2026-11-01", "2026-11-01T02:00", "Asia/Kathmandu")) == [
        "2026-10-31T23:15",
        "2026-11-01T00:15",
        "2026-11-01T01:15",
    ]


def test_days_are_as_long_as_the_clock_makes_them() -> None:
    """23 hours in spring, 25 in autumn."""
    spring = range_of("2026-03-28", "2026-03-31", "Europe/Berlin", Interval.DAY)
    assert points(spring) == ["2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00"]
    autumn = range_of("2026-10-24T22:00", "2026-10-25T23:00", "Europe/Berlin", Interval.DAY)
    assert points(autumn) == ["2026-10-24T22:00"]


def test_a_midnight_that_does_not_exist() -> None:
    """In Sao Paulo the clock used to jump from 24:00 to 1:00: the day begins with the jump."""
    jump = range_of("2018-11-03T03:00", "2018-11-05T02:00", "America/Sao_Paulo", Interval.DAY)
    assert points(jump) == ["2018-11-03T03:00", "2018-11-04T03:00"]


def test_a_day_that_does_not_exist() -> None:
    """Samoa had no 30 December 2011."""
    assert points(range_of("2011-12-29T10:00", "2012-01-01T10:00", "Pacific/Apia", Interval.DAY)) == [
        "2011-12-29T10:00",
        "2011-12-30T10:00",
        "2011-12-31T10:00",
    ]


@pytest.mark.parametrize(
    ("wanted", "parameters"),
    [
        (WantedRange(at("2026-11-01T00:01"), at("2026-11-02T00:00:01"), "UTC", None), ["from", "to"]),
        (WantedRange(None, None, "Mars/Olympus", None), ["timezone"]),
        (WantedRange(None, None, "../../etc/passwd", None), ["timezone"]),
        (WantedRange(None, None, "America", None), ["timezone"]),
        (WantedRange(at("2026-11-02"), at("2026-11-01"), "UTC", None), ["from"]),
        (WantedRange(at("0001-01-01"), at("9999-12-31"), "UTC", None), ["from", "to"]),
    ],
)
def test_faults_are_named(wanted: WantedRange, parameters: list[str]) -> None:
    """All of them at once."""
    with pytest.raises(ClicktrailError) as caught:
        check(wanted)
    assert [fault.parameter for fault in caught.value.faults] == parameters


@pytest.mark.parametrize("interval", [Interval.HOUR, Interval.DAY, None])
def test_a_start_that_nobody_asked_for_never_is_too_far(interval: Interval | None) -> None:
    """One event that a page's clock dated to 1970 does not make the whole report impossible."""
    found = resolve(WantedRange(None, None, "UTC", interval), at("1970-01-01"), at("2026-11-22"))
    assert len(found.points) <= POINTS_LIMIT
    assert found.to_at > at("2026-11-22")


@pytest.mark.parametrize(
    "wanted",
    [
        WantedRange(at("2026-01-01"), at("2026-11-01"), "UTC", Interval.HOUR),
        WantedRange(at("1970-01-01"), at("8999-11-01"), "UTC", Interval.HOUR),
        WantedRange(at("2020-01-01"), None, "UTC", None),
    ],
)
def test_more_than_a_thousand_points_are_refused(wanted: WantedRange) -> None:
    """Naming the interval."""
    check(wanted)
    with pytest.raises(ClicktrailError) as caught:
        resolve(wanted, at("2020-01-01"), NOW)
    assert [fault.parameter for fault in caught.value.faults] == ["interval"]


def test_a_whole_life_begins_with_the_hour_of_its_first_click() -> None:
    """And ends with the present quarter of an hour."""
    life = resolve(WantedRange(None, None, "UTC", None), at("2026-11-22T08:45"), NOW)
    assert (life.from_at, life.to_at) == (at("2026-11-22T08:00"), at("2026-11-22T10:15"))
    assert points(life) == ["2026-11-22T08:00", "2026-11-22T09:00", "2026-11-22T10:00"]


def test_a_whole_life_is_cut_to_what_can_be_shown() -> None:
    """One event of 1970 must not make the report of a business impossible."""
    for zone in ZONES:
        life = resolve(WantedRange(None, None, zone, None), at("1970-01-01"), NOW)
        assert len(life.points) <= 1_000
        assert life.points[0] <= life.from_at < at("2024-03-01")


def test_where_nothing_happened_there_is_no_point() -> None:
    """The range is empty."""
    nothing = resolve(WantedRange(None, None, "UTC", None), None, NOW)
    assert (nothing.points, nothing.from_at) == ((), nothing.to_at)
    before = resolve(WantedRange(None, at("2026-11-01"), "UTC", None), at("2026-11-20"), NOW)
    assert (before.points, before.from_at) == ((), at("2026-11-01"))


@given(
    start=st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  (given its zone below)
    quarters=st.integers(1, 4 * 24 * 30),
    zone=st.sampled_from(ZONES),
    interval=st.sampled_from(Interval),
)
def test_points_cover_a_range_without_gaps(start: datetime, quarters: int, zone: str, interval: Interval) -> None:
    """The first is at or before the start, they grow, none is empty, and none is longer than the clock allows."""
    from_at = bucket_of(start.replace(tzinfo=UTC))
    range_ = resolve(WantedRange(from_at, from_at + quarters * BUCKET, zone, interval), None, NOW)
    assert range_.points[0] <= from_at
    assert range_.points[-1] < range_.to_at
    longest = timedelta(hours=2) if interval is Interval.HOUR else timedelta(hours=26)
    steps = [after - before for before, after in zip(range_.points, (*range_.points[1:], range_.to_at), strict=True)]
    assert all(timedelta() < step <= longest for step in steps)
