"""Reports cut the days on which clocks change where the people of a time zone do."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from grpc import aio

from clicktrail.tracking.v1 import report_service_pb2
from common.clock import from_timestamp, to_timestamp
from tests.support.tracking_service.calling import Caller
from tests.support.tracking_service.clicking import START, click

QUARTER = timedelta(minutes=15)
# The day before a change: of half an hour, at midnight, of two hours; and a zone of three quarters of an hour.
CHANGES = [
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 3, 12, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 17, 12, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 28, 12, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 4, tzinfo=UTC)),
]


@pytest.mark.usefixtures("business")
@pytest.mark.parametrize(("zone", "begun_at"), CHANGES)
async def test_points_are_those_of_the_wall_clock(channel: aio.Channel, zone: str, begun_at: datetime) -> None:
    """Each day has the clicks of its date, no point holds those of two hours of the clock, and none is lost."""
    caller = Caller(channel)
    times = [begun_at + number * QUARTER + timedelta(minutes=7) for number in range(144)]
    await caller.deliver(*(click((time - START) / timedelta(minutes=1), seed=1) for time in times))
    # Off the hour, and off the half hour.
    range_ = {"from_time": to_timestamp(begun_at + 3 * QUARTER), "to_time": to_timestamp(begun_at + 131 * QUARTER)}
    told = {"campaign": "spring", "timezone": zone, **range_}
    within = [time.astimezone(ZoneInfo(zone)) for time in times[3:131]]
    days = await caller.report(interval=report_service_pb2.REPORT_INTERVAL_DAY, **told)
    counted = {from_timestamp(point.time).astimezone(ZoneInfo(zone)).date(): point.clicks for point in days.series}
    assert counted == Counter(time.date() for time in within)
    hours = await caller.report(interval=report_service_pb2.REPORT_INTERVAL_HOUR, **told)
    assert sum(point.clicks for point in hours.series) == hours.totals.clicks == days.totals.clicks == len(within)
    starts = [from_timestamp(point.time) for point in hours.series]
    for point, (start, end) in zip(hours.series, pairwise([*starts, begun_at + 131 * QUARTER]), strict=True):
        inside = [time for time in within if start <= time < end]
        assert (point.clicks, len({(time.date(), time.hour, time.utcoffset()) for time in inside})) == (len(inside), 1)
