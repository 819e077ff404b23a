"""Reports say what links brought, as soon as it is there."""

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.tracking.v1 import click_pb2, report_service_pb2
from common.clock import now, to_timestamp
from common.errors import Reason
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import order
from tests.support.waiting import eventually
from tracking_service.counters.scopes import BUCKET, bucket_of

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

HOUR = report_service_pb2.REPORT_INTERVAL_HOUR
DAY = report_service_pb2.REPORT_INTERVAL_DAY
Report = report_service_pb2.Report

pytestmark = pytest.mark.usefixtures("business")


def at(minutes: float) -> Timestamp:
    """Return the time some minutes after the start."""
    return to_timestamp(START + timedelta(minutes=minutes))


def named(report: Report) -> dict[str, str]:
    """Return the scope that a report names, by its kind."""
    kinds = {"campaign", "journey", "message", "link"}
    return {field.name: value for field, value in report.ListFields() if field.name in kinds}


async def test_a_link_without_a_click_has_a_report(caller: Caller) -> None:
    """Of zeros; of one that is not known here, nothing is said while the shortener cannot be asked."""
    await caller.deliver(links=[link("l1")])
    assert (await caller.report(link="l1")).totals.clicks == 0
    assert (await failure(caller.report(link="l2"))).reason is Reason.UPSTREAM_DOWN


async def test_clicks_are_reported_at_once(caller: Caller) -> None:
    """With a point for every hour, also those without a click."""
    await caller.deliver(
        click(5, profile="ana"),
        click(10, profile="ana"),
        click(130, profile="ben"),
        click(131, verdict=click_pb2.VERDICT_BOT),
        links=[link("l1", profile="ana"), link("l2", profile="ben"), link("l3", profile="cid"), link("l4")],
    )
    report = await caller.report(campaign="spring", from_time=at(0), to_time=at(240))
    totals = report.totals
    assert (report.campaign, report.timezone, report.interval) == ("spring", "UTC", HOUR)
    assert (totals.recipients, totals.clicks, totals.unique_clickers, totals.bot_hits, totals.sessions) == (
        3,
        3,
        2,
        1,
        3,
    )
    assert totals.click_through_rate == pytest.approx(2 / 3)
    assert [(point.time, point.clicks, point.unique_clickers, point.bot_hits) for point in report.series] == [
        (at(0), 2, 1, 0),
        (at(60), 0, 0, 0),
        (at(120), 1, 1, 1),
        (at(180), 0, 0, 0),
    ]
    assert [(one.value, one.clicks, one.unique_clickers) for one in report.breakdowns.verdict] == [
        ("human", 3, 2),
        ("bot", 1, 0),
    ]


async def test_a_range_holds_what_lies_in_it(caller: Caller) -> None:
    """Its start included, its end excluded; a person in it whose first click there lies in it."""
    await caller.deliver(click(0, profile="ana"), click(15, profile="ana"), click(30, profile="ben"))
    report = await caller.report(campaign="spring", from_time=at(15), to_time=at(30))
    assert (report.totals.clicks, report.totals.unique_clickers, len(report.series)) == (1, 0, 1)


async def test_every_scope_has_its_report(caller: Caller) -> None:
    """Journey, message, link and the whole business."""
    await caller.deliver(
        click(0, campaign="", journey="welcome", message="m1", link="l1", profile="ana"),
        click(1),
        links=[link("l1", campaign=None, journey="welcome", message="m1", profile="ana")],
    )
    wanted: list[tuple[dict[str, Any], int, int]] = [
        ({"journey": "welcome"}, 1, 1),
        ({"message": "m1"}, 1, 1),
        ({"link": "l1"}, 1, 1),
        ({"link": "abc"}, 1, 0),
        ({"campaign": "welcome"}, 0, 0),
        ({}, 2, 0),
    ]
    for scope, clicks, recipients in wanted:
        report = await caller.report(**scope, from_time=at(0), to_time=at(60))
        assert report.totals.clicks == clicks, scope
        if scope:
            assert report.totals.recipients == recipients, scope
        assert named(report) == scope


async def test_events_are_reported_with_what_they_earned(caller: Caller) -> None:
    """Credited to the click's campaign, its journey and link, and to the business."""
    minted = click(profile="ana")
    await caller.deliver(minted, links=[link("abc", profile="ana"), link("abd", profile="ben")])
    await caller.track(order(session=minted.session, amount="395", tracked_at=at(61)))
    await caller.track(
        order(reference="1002", session=minted.session, amount="1.005", currency="KWD", tracked_at=at(62))
    )

    async def look() -> Report:
        return await caller.report(campaign="spring", from_time=at(0), to_time=at(120))

    report = await eventually(look, lambda report: report.totals.conversions == 2)
    assert [(money.amount, money.currency) for money in report.totals.revenue] == [("1.005", "KWD"), ("395.00", "USD")]
    assert report.totals.conversion_rate == 1.0
    assert [(one.action, one.count, len(one.revenue)) for one in report.events] == [("order.placed", 2, 2)]
    assert [point.conversions for point in report.series] == [0, 2]
    business = await caller.report(from_time=at(0), to_time=at(120))
    assert (business.totals.conversions, business.events) == (2, report.events)


async def test_days_follow_the_time_zone(caller: Caller) -> None:
    """A click at ten in UTC is of the day before in Honolulu, whose midnight is at ten."""
    await caller.deliver(click(-1), click(0), click(1))
    report = await caller.report(
        campaign="spring", from_time=at(-24 * 60), to_time=at(24 * 60), timezone="Pacific/Honolulu", interval=DAY
    )
    assert [(point.time, point.clicks) for point in report.series] == [(at(-24 * 60), 1), (at(0), 2)]


async def test_a_whole_life_needs_no_range(caller: Caller) -> None:
    """From the hour of the first click to the present quarter of an hour."""
    first = now() - timedelta(hours=3)
    minutes = (first - START) / timedelta(minutes=1)
    await caller.deliver(click(minutes))
    report = await caller.report(campaign="spring")
    assert report.from_time == to_timestamp(first.replace(minute=0, second=0, microsecond=0))
    assert bucket_of(now()) <= report.to_time.ToDatetime(tzinfo=first.tzinfo) <= bucket_of(now()) + BUCKET
    assert (report.totals.clicks, report.series[0].clicks, len(report.series) in (3, 4, 5)) == (1, 1, True)


async def test_a_campaign_without_anything_has_zeros(caller: Caller) -> None:
    """And no points, since nothing ever happened."""
    report = await caller.report(campaign="never")
    none = report_service_pb2.Earned()
    zeros = report_service_pb2.Totals(confirmed=none, reported=none, unconfirmed=none)
    assert (report.totals, len(report.series)) == (zeros, 0)
    assert report.from_time == report.to_time
    ranged = await caller.report(campaign="never", from_time=at(0), to_time=at(120))
    assert [point.clicks for point in ranged.series] == [0, 0]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"from_time": at(1)}, [("invalid", "from")]),
        ({"from_time": at(0.001), "to_time": at(7)}, [("invalid", "from"), ("invalid", "to")]),
        ({"to_time": Timestamp(seconds=10**13)}, [("invalid", "to")]),
        ({"timezone": "Mars/Olympus"}, [("invalid", "timezone")]),
        ({"timezone": "UTC\0"}, [("invalid", "timezone")]),
        ({"from_time": at(0), "to_time": at(60 * 1001), "interval": HOUR}, [("invalid", "interval")]),
        ({"interval": 7}, [("invalid", "interval")]),
        ({"campaign": "a", "link": "b"}, [("ambiguous_parameter", "link")]),
        ({"campaign": ""}, [("parameter_invalid_empty", "campaign")]),
    ],
)
async def test_faults_are_named(caller: Caller, asked: dict[str, Any], found: list[tuple[str, str]]) -> None:
    """In the names of the API."""
    assert faults(await failure(caller.report(**asked))) == found


async def test_an_unknown_business_has_no_report(caller: Caller) -> None:
    """Rather than one of zeros."""
    request = report_service_pb2.GetReportRequest(business_id="nobody")
    assert (await failure(caller.reports.GetReport(request, timeout=SECONDS))).reason is Reason.BUSINESS_UNKNOWN


async def test_a_series_adds_up_to_its_totals(caller: Caller) -> None:
    """For clicks and people at random times, in zones of every kind."""
    chance = random.Random(7)  # noqa: S311  (the same each time)
    clicks = [click(chance.uniform(0, 10_000), seed=seed, profile=f"p{seed % 40}") for seed in range(300)]
    await caller.deliver(*clicks)
    for zone in ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"):
        for interval in (HOUR, DAY):
            report = await caller.report(
                campaign="spring", from_time=at(0), to_time=at(10_005), timezone=zone, interval=interval
            )
            assert report.totals.clicks == sum(point.clicks for point in report.series) == 300
            assert report.totals.unique_clickers == sum(point.unique_clickers for point in report.series) == 40


async def rate(caller: Caller, **fields: Any) -> tuple[int, int, float]:
    """Return unique clickers, recipients who clicked and the click-through rate of a campaign."""
    totals = (await caller.report(campaign="spring", **fields)).totals
    return totals.unique_clickers, totals.clicked_recipients, totals.click_through_rate


async def test_only_recipients_enter_the_click_through_rate(caller: Caller) -> None:
    """Not those who came by a shared link, nor a recipient who did, until a link of their own is clicked."""
    strangers = [click(number, seed=number, link="shared") for number in range(5)]
    anas = click(10, seed=10, link="shared")
    await caller.deliver(*strangers, anas, links=[link("l1", profile="ana"), link("l2", profile="ben"), link("shared")])
    await caller.attach(anas.session, "ana")
    assert await rate(caller) == (6, 0, 0)
    await caller.deliver(click(20, link="l1", profile="ana"), click(25, link="l1", profile="ana"))
    assert await rate(caller) == (6, 1, 0.5)
    # Counted where the first of them lies, though ana had come by the shared link before.
    assert await rate(caller, from_time=at(15), to_time=at(30)) == (0, 1, 0.5)
    assert await rate(caller, from_time=at(0), to_time=at(15)) == (6, 0, 0)


async def test_an_earlier_click_of_a_recipient_moves_both_firsts(caller: Caller, database: "Database") -> None:
    """The first of all and the first on a link of their own, each by itself."""
    made = link("l1", profile="ana")
    shared = click(0, seed=9, link="shared")
    for arrived in (click(50, link="l1", profile="ana"), click(35, link="l1", profile="ana"), shared):
        await caller.deliver(arrived, links=[made])
    await caller.attach(shared.session, "ana")
    series = [
        (point.unique_clickers, point.clicked_recipients)
        for hour in (0, 15, 30, 45)
        for point in (await caller.report(campaign="spring", from_time=at(hour), to_time=at(hour + 15))).series
    ]
    assert series == [(1, 0), (0, 0), (0, 1), (0, 0)]
    await caller.deliver(click(16, link="l1", profile="ana"))
    assert await rate(caller, from_time=at(15), to_time=at(30)) == (0, 1, 1)
    assert await rate(caller, basis=report_service_pb2.REPORT_BASIS_COHORT) == (1, 1, 1)
    request = report_service_pb2.ReconcileRequest(business_id="shop")
    assert list((await caller.reports.Reconcile(request, timeout=SECONDS)).differences) == []
    await database.execute("UPDATE sessions SET firsts = firsts % 32")
    found = (await caller.reports.Reconcile(request, timeout=SECONDS)).differences
    assert {one.counter for one in found} == {"first_clicks"}
