"""The reports of a small story say what was computed by hand, in whatever order it arrives and however often."""

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.tracking.v1 import report_service_pb2
from common.clock import to_timestamp
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.worked_example import DAY, Step, Story, at
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

Report = report_service_pb2.Report
COHORT = report_service_pb2.REPORT_BASIS_COHORT
HOUR = report_service_pb2.REPORT_INTERVAL_HOUR
# Recipients, those of them who clicked, clicks, unique clickers, bot hits, sessions, conversions, seconds to click,
# seconds to conversion, revenue, taken back.
TOTALS: dict[str, tuple[int, int, int, int, int, int, int, float, float, str, str]] = {
    # Of the 150.00 earned, 30.00 came back in part and 50.00 EUR wholly. (60 + 61 + 62 + 65) / 4 minutes to a click.
    "spring": (20, 4, 5, 4, 3, 5, 1, 62 * 60, 600, "70.00 USD", "50.00 EUR, 30.00 USD"),
    # (60 + 61 + 62) / 3 minutes to a click, (10 + 3) / 2 to a conversion.
    "summer": (20, 3, 4, 3, 0, 4, 2, 61 * 60, 390, "5.00 EUR, 10.00 USD", ""),
    # Somebody, r40 in two sessions, r31: (60 + 70 + 85) / 3 minutes to a click, (20 + 5) / 2 to a conversion.
    # Of those only r31 has a link of their own here.
    "winter": (6, 1, 4, 3, 0, 4, 2, 4300, 750, "75.00 USD", ""),
    "welcome": (10, 2, 2, 2, 0, 2, 1, 210.5 * 60, 1200, "25.00 USD", "30.00 USD"),
    "winback": (5, 1, 1, 1, 0, 1, 1, 3600, 600, "12.34 USD", ""),
    # With what no click led to: 40.00 of an external source, 20.00 beyond the window.
    # Somebody and r40, of the eleven, clicked no link of their own.
    "": (40, 9, 16, 11, 3, 16, 9, 51420 / 11, 4680 / 7, "5.00 EUR, 252.34 USD", "50.00 EUR, 60.00 USD"),
}
SPRING_EVENTS = {
    "order.placed": (2, "50.00 EUR, 100.00 USD"),
    "order.cancelled": (1, "-50.00 EUR"),
    "page.viewed": (1, ""),
    "refund.received": (1, "-30.00 USD"),
}
# By hours after the start: clicks, unique clickers, bot hits, conversions, revenue, taken back.
SPRING_SERIES = {
    0: (0, 0, 3, 0, "", ""),
    1: (5, 4, 0, 1, "50.00 EUR, 100.00 USD", ""),
    5: (0, 0, 0, 0, "-30.00 USD", "30.00 USD"),
    6: (0, 0, 0, 0, "-50.00 EUR", "50.00 EUR"),
}
SPRING_BREAKDOWNS = {
    "device": {"mobile": (3, 2), "desktop": (1, 1), "tablet": (1, 1)},
    "browser": {"Mobile Safari": (4, 3), "Chrome": (1, 1)},
    "os": {"iOS": (4, 3), "Windows": (1, 1)},
    "country": {"unknown": (5, 4)},
    "language": {"es": (2, 1), "en": (1, 1), "unknown": (2, 2)},
    "link": {"t-spring": (5, 4)},
    "referrer": {"direct": (4, 3), "mail.example.com": (1, 1)},
    "verdict": {"human": (5, 4), "bot": (2, 0), "preview": (1, 0)},
    "source": {"link": (3, 2), "qr": (2, 2)},
}
# What r1 clicked and bought in the campaign, and who did nothing.
SPRING_RECIPIENTS = {
    "r1": (60, "mobile", 2, 1, "70.00 USD", "30.00 USD"),
    "r2": (61, "desktop", 1, 0, "", "50.00 EUR"),
    "r3": (62, "mobile", 1, 0, "", ""),
    "r4": (65, "tablet", 1, 0, "", ""),
    **{f"r{number}": (None, "", 0, 0, "", "") for number in range(5, 21)},
}


def money(amounts: Any) -> str:
    """Return amounts in words."""
    return ", ".join(f"{one.amount} {one.currency}" for one in amounts)


async def report(caller: Caller, scope: str, **fields: Any) -> Report:
    """Return the report of a campaign or journey, or of the business, for ten days by hours."""
    kind = "journey" if scope in ("welcome", "winback") else "campaign"
    told: dict[str, Any] = {"from_time": to_timestamp(at(0)), "to_time": to_timestamp(at(10 * DAY)), "interval": HOUR}
    return await caller.report(**(told | ({kind: scope} if scope else {}) | fields))


def minutes(stamp: Timestamp) -> float:
    """Return how many minutes after the start a time lies."""
    return (stamp.seconds - at(0).timestamp()) / 60


def totals(found: Report) -> tuple[Any, ...]:
    """Return the totals of a report in the order of the table."""
    told = found.totals
    return (
        told.recipients, told.clicked_recipients, told.clicks, told.unique_clickers, told.bot_hits, told.sessions,
        told.conversions,
        pytest.approx(told.time_to_click), pytest.approx(told.time_to_conversion), money(told.revenue),
        money(told.taken_back),
    )  # fmt: skip


def breakdowns(found: Report) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the breakdowns of a report, by dimension and value."""
    return {
        field.name: {one.value: (one.clicks, one.unique_clickers) for one in values}
        for field, values in found.breakdowns.ListFields()
    }


async def settle(database: "Database") -> None:
    """Wait until every mark has been decided on."""
    tables = ("dirty_identities", "dirty_visitors", "sweeps")
    marks = " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)  # noqa: S608  (names from above)
    await eventually(lambda: database.fetchval(f"SELECT {marks}"), lambda count: count == 0, limit_seconds=120)


async def check(caller: Caller, database: "Database") -> None:
    """Hold every report to what was computed by hand."""
    await settle(database)
    assert {scope: totals(await report(caller, scope)) for scope in TOTALS} == TOTALS
    spring = await report(caller, "spring")
    assert (spring.totals.click_through_rate, spring.totals.conversion_rate) == (0.2, 0.05)
    assert (await report(caller, "winter")).totals.click_through_rate == pytest.approx(1 / 6)
    assert {one.action: (one.count, money(one.revenue)) for one in spring.events} == SPRING_EVENTS
    series = [
        (one.clicks, one.unique_clickers, one.bot_hits, one.conversions, money(one.revenue), money(one.taken_back))
        for one in spring.series
    ]
    assert {hour: point for hour, point in enumerate(series) if any(point)} == SPRING_SERIES
    assert breakdowns(spring) == SPRING_BREAKDOWNS
    await check_cohorts(caller)
    await check_link(caller)
    await check_recipients(caller)
    recounted = await caller.reports.Reconcile(report_service_pb2.ReconcileRequest(business_id="shop"), timeout=SECONDS)
    assert list(recounted.differences) == []


async def check_cohorts(caller: Caller) -> None:
    """By the date of the links, a campaign is all in the quarter that they were made in."""
    first_quarter = {"basis": COHORT, "to_time": to_timestamp(at(15))}
    spring = await report(caller, "spring", **first_quarter)
    assert totals(spring) == TOTALS["spring"]
    assert breakdowns(spring) == SPRING_BREAKDOWNS
    later = await report(caller, "spring", basis=COHORT, from_time=to_timestamp(at(15)))
    assert (later.totals.clicks, later.totals.conversions) == (0, 0)
    # The links of spring and welcome were made then; r31 came first by a link of winter, also of their own ones.
    business = (await report(caller, "", **first_quarter)).totals
    assert (business.clicks, business.unique_clickers, business.conversions) == (7, 5, 2)
    assert business.clicked_recipients == 5
    assert money(business.revenue) == "95.00 USD"


async def check_link(caller: Caller) -> None:
    """Look at a recipient's link: it has a report of its own, by either date."""
    for basis in (report_service_pb2.REPORT_BASIS_EVENT, COHORT):
        found = await report(caller, "", link="spring-1", basis=basis)
        assert totals(found)[:7] == (1, 1, 2, 1, 1, 2, 1)
        assert breakdowns(found)["device"] == {"mobile": (2, 1)}
        assert breakdowns(found)["source"] == {"qr": (1, 1), "link": (1, 0)}
        assert breakdowns(found)["referrer"] == {"direct": (2, 1)}
        assert breakdowns(found)["verdict"] == {"human": (2, 1), "preview": (1, 0)}
    assert found.series[0].clicks == 2


async def check_recipients(caller: Caller) -> None:
    """Look at the recipients of a campaign and what they did."""
    request = report_service_pb2.ListRecipientsRequest(business_id="shop", campaign="spring")
    pieces = [piece async for piece in caller.reports.ListRecipients(request, timeout=SECONDS)]
    found = {
        one.profile: (
            minutes(one.first_clicked_at) if one.HasField("first_clicked_at") else None,
            one.device, one.clicks, one.conversions, money(one.revenue), money(one.taken_back),
        )
        for piece in pieces
        for one in piece.recipients
    }  # fmt: skip
    assert found == SPRING_RECIPIENTS
    assert {one.link for piece in pieces for one in piece.recipients if one.profile == "r7"} == {"spring-7"}


async def test_every_figure_is_as_computed_by_hand(caller: Caller, database: "Database") -> None:
    """In the order in which it happened, but for one order that is there before its click."""
    for step in Story(caller).steps():
        await step()
    await check(caller, database)


@pytest.mark.parametrize("seed", [1, 2])
async def test_neither_order_nor_repetition_matters(caller: Caller, database: "Database", seed: int) -> None:
    """Shuffled, doubled, and four at a time."""
    chance = random.Random(seed)  # noqa: S311  (the same each time)
    steps = Story(caller).steps() * 2
    chance.shuffle(steps)
    slots = asyncio.Semaphore(4)

    async def take(step: Step) -> None:
        async with slots:
            await step()

    await asyncio.gather(*map(take, steps))
    await check(caller, database)
