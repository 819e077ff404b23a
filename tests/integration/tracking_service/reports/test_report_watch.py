"""Reports can be watched: what changes is told at once, and many who watch cost as much as one."""

import asyncio
from typing import Any

import pytest
from grpc import aio

from clicktrail.tracking.v1 import report_service_pb2
from common.errors import Reason
from tests.support.tracking_service.calling import Caller, failure, faults
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.events import order
from tests.support.waiting import eventually
from tracking_service.bootstrap import TrackingService
from tracking_service.reports import watch as report_watch

pytestmark = pytest.mark.usefixtures("business")
# Of the whole stream: a watch has no deadline of its own.
PATIENCE_SECONDS = 60

Stream = aio.UnaryStreamCall[Any, report_service_pb2.WatchReportResponse]


def watch(caller: Caller, **fields: Any) -> Stream:
    """Watch the report of a campaign."""
    told: dict[str, Any] = {"business_id": "shop", "campaign": "spring"}
    request = report_service_pb2.GetReportRequest(**(told | fields))
    stream: Stream = caller.reports.WatchReport(report_service_pb2.WatchReportRequest(report=request))
    return stream


async def read(stream: Stream) -> report_service_pb2.Report:
    """Return the next report of a stream."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await stream.read()
    assert isinstance(answer, report_service_pb2.WatchReportResponse)
    return answer.report


async def until(stream: Stream, **totals: int) -> report_service_pb2.Report:
    """Return the first report of a stream with these totals."""
    while True:
        report = await read(stream)
        if all(getattr(report.totals, name) == value for name, value in totals.items()):
            return report


async def test_a_change_is_told(caller: Caller) -> None:
    """The report as it is comes at once; then a click, a sale and a recipient, each without another question."""
    stream = watch(caller)
    assert (await read(stream)).totals.clicks == 0
    minted = click(profile="ana")
    await caller.deliver(minted)
    assert (await until(stream, clicks=1)).totals.unique_clickers == 1
    await caller.track(order(session=minted.session, amount="10"))
    assert (await until(stream, conversions=1)).totals.revenue[0].amount == "10.00"
    await caller.deliver(links=[link("l1", profile="ana")])
    assert (await until(stream, recipients=1)).totals.click_through_rate == 1.0
    stream.cancel()


async def test_many_who_watch_cost_one_query(
    caller: Caller, tracking: TrackingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report is read once for all of them, and not at all while nothing changes."""
    read_reports = 0
    reports = tracking._watch._reports
    make = reports.report

    async def counted(*key: Any) -> Any:
        nonlocal read_reports
        read_reports += 1
        return await make(*key)

    monkeypatch.setattr(reports, "report", counted)
    streams = [watch(caller) for _ in range(20)]
    await asyncio.gather(*map(read, streams))
    assert read_reports == 1
    await caller.deliver(click())
    await asyncio.gather(*(until(stream, clicks=1) for stream in streams))
    # One for the click; one more where a quarter of an hour has just ended.
    assert read_reports <= 3
    for stream in streams:
        stream.cancel()


async def test_nobody_is_left_behind(caller: Caller, tracking: TrackingService) -> None:
    """Who goes away is forgotten, and with the last one the report."""
    streams = [watch(caller) for _ in range(3)]
    await asyncio.gather(*map(read, streams))
    for stream in streams:
        stream.cancel()

    async def look() -> tuple[int, int]:
        return tracking._watch._watchers, len(tracking._watch._topics)

    await eventually(look, lambda left: left == (0, 0))


async def test_watching_ends_with_the_service(caller: Caller, tracking: TrackingService) -> None:
    """A service that stops does not wait for those who watch."""
    stream = watch(caller)
    await read(stream)
    await tracking._watch.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await stream.read() is aio.EOF
    error = await failure(watch(caller).read())
    assert error.reason is Reason.OVERLOADED


async def test_too_many_are_refused(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of different reports, and of those who watch."""
    monkeypatch.setattr(report_watch, "REPORTS_LIMIT", 1)
    monkeypatch.setattr(report_watch, "WATCHERS_LIMIT", 2)
    first, second = watch(caller), watch(caller)
    await asyncio.gather(read(first), read(second))
    assert (await failure(watch(caller).read())).reason is Reason.OVERLOADED
    second.cancel()
    assert (await failure(watch(caller, campaign="other").read())).reason is Reason.OVERLOADED
    first.cancel()


async def test_one_business_watches_so_many_reports(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one of it is refused, and none of another business."""
    monkeypatch.setattr(report_watch, "REPORTS_OF_BUSINESS", 2)
    streams = [watch(caller, campaign=name) for name in ("a", "b", "a")]
    await asyncio.gather(*map(read, streams))
    assert (await failure(watch(caller, campaign="c").read())).reason is Reason.OVERLOADED
    other = watch(caller, business_id="other", campaign="c")
    assert (await failure(other.read())).reason is Reason.BUSINESS_UNKNOWN
    for stream in streams:
        stream.cancel()


async def test_faults_are_named(caller: Caller) -> None:
    """As those of a report that is asked for once."""
    assert faults(await failure(watch(caller, timezone="Mars/Olympus").read())) == [("invalid", "timezone")]
    assert (await failure(watch(caller, business_id="nobody").read())).reason is Reason.BUSINESS_UNKNOWN
