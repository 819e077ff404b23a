"""Whatever arrives in whatever order, twice and at once: counters equal a recount, and reports add up."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from clicktrail.tracking.v1 import click_pb2, event_pb2, report_service_pb2
from common.clock import to_timestamp
from tests.integration.tracking_service.reports.test_worked_example import money, settle
from tests.support.tracking_service.calling import SECONDS, Caller, fresh
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.events import event, order
from tests.support.tracking_service.worked_example import IPAD, IPHONE, WINDOWS, at

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

Step = Callable[[], Awaitable[Any]]
Report = report_service_pb2.Report

# In minutes: some clicks lie beyond the window of the events.
LIFE = 9 * 24 * 60
# The whole, parts that begin and end within days, and within one.
RANGES = [
    (-60, LIFE + 60),
    (105, LIFE - 4_005),
    (-60, 3 * 24 * 60 + 30),
    (5_010, LIFE + 60),
    (4_320, 4_650),
    (840, 2_280),
]
HUMAN, BOT = click_pb2.VERDICT_HUMAN, click_pb2.VERDICT_BOT
PEOPLE = [f"p{number}" for number in range(6)]
STEPS = ["order.placed", "order.confirmed", "order.shipped", "order.delivered", "order.cancelled"]
SCOPES: list[dict[str, str]] = [
    {}, {"campaign": "c0"}, {"campaign": "c1"}, {"journey": "j0"}, {"message": "m0"}, {"link": "c0-p0"},
    {"link": "c1-"},
]  # fmt: skip


def random_click(chance: random.Random, number: int) -> click_pb2.Click:
    """Return a hit on a link, a shared one or a recipient's."""
    where, person = chance.choice(["c0", "c1", "j0"]), chance.choice([*PEOPLE, "", ""])
    kind = "journey" if where == "j0" else "campaign"
    return click(
        chance.randrange(LIFE),
        seed=number,
        verdict=chance.choice([HUMAN, HUMAN, HUMAN, BOT]),
        **{"campaign": "", kind: where},
        message=chance.choice(["", "m0"]),
        profile=person,
        link=f"{where}-{person}",
        source=chance.choice(["link", "link", "qr"]),
        link_created_at=to_timestamp(at(chance.choice([0, 20, 500]))),
        user_agent=chance.choice([IPHONE, WINDOWS, IPAD, ""]),
        referrer=chance.choice(["", "https://a.example.com/", "https://b.example.com/x"]),
        accept_language=chance.choice(["", "es", "en-GB"]),
        template=chance.choice(["t1", "t2"]),
    )


def random_event(chance: random.Random, sessions: list[str]) -> event_pb2.Event:
    """Return an event of a session or a person: a step of an order, a refund, a purchase, or a view."""
    who: dict[str, Any] = {"session": chance.choice(sessions)}
    if chance.random() < 0.5:
        who = {"session": None, "profile": chance.choice(PEOPLE)}
    reference, amount = str(chance.randrange(12)), chance.choice(["10", "25.5", "0", None])
    told: dict[str, Any] = {**who, "tracked_at": to_timestamp(at(chance.randrange(LIFE)))}
    if amount is not None:
        told |= {"amount": amount, "currency": chance.choice(["USD", "USD", "EUR"])}
    if chance.random() < 0.3:
        seen = to_timestamp(at(chance.randrange(LIFE)))
        told["utm_params"] = event_pb2.UtmSeen(source=chance.choice(["google", "partner"]), observed_at=seen)
    match chance.choice(["order", "order", "refund", "purchase", "view"]):
        case "order":
            return order(chance.choice(STEPS), reference, **told)
        case "refund":
            parameters = {"reference": f"r{chance.random()}", "order": reference, "source": "shopify"}
            return event("refund.received", object_parameters=parameters, **told)
        case "purchase":
            return event("product.purchased", object_parameters={"reference": "p"}, **told)
        case _:
            return event(**told)


def story(caller: Caller, chance: random.Random) -> list[Step]:
    """Return steps of all kinds; sessions are claimed by those whom their links name, or by one person each."""
    clicks = [random_click(chance, number) for number in range(60)]
    minted = [one for one in clicks if one.session]
    sessions = [one.session for one in minted] + [f"a-browser-number-{number}" for number in range(6)]
    steps: list[Step] = [partial(caller.deliver, *clicks[start : start + 3]) for start in range(0, len(clicks), 3)]
    for number in range(70):
        # A private profile and a session would be two claims; here an event names one of them.
        sent = random_event(chance, sessions)
        is_public = sent.HasField("session") and chance.random() < 0.4
        credential = event_pb2.CREDENTIAL_PUBLIC if is_public else event_pb2.CREDENTIAL_PRIVATE
        received_at = to_timestamp(at(LIFE + number))
        steps.append(partial(caller.track, sent, key=f"k{number}", credential=credential, received_at=received_at))
    for one in chance.sample(minted, 12):
        known = fresh(
            one.session, one.clicked_at.ToDatetime(at(0).tzinfo), link=one.link, campaign=one.campaign or None
        )
        known.profile = one.profile
        owner = one.profile or PEOPLE[int(one.id[-1]) % len(PEOPLE)]
        steps.append(
            partial(caller.attach, one.session, owner, fresh_session=known, received_at=to_timestamp(at(LIFE)))
        )
    # From then on, what "partner" brings is the business's own.
    partner = link("c1-", campaign="c1", destination="https://shop.example.com/?utm_source=Partner")
    # This one may have no click, and is reported on all the same.
    quiet = link("c0-p0", campaign="c0", profile="p0")
    return [*steps, partial(caller.deliver, links=[partner]), partial(caller.deliver, links=[quiet])]


async def at_once(steps: Iterable[Step], number: int) -> None:
    """Take steps, so many at a time."""
    slots = asyncio.Semaphore(number)

    async def take(step: Step) -> None:
        async with slots:
            await step()

    await asyncio.gather(*map(take, steps))


def add_up(report: Report) -> None:
    """Hold the sums of the series and of each breakdown to the totals."""
    totals, series = report.totals, report.series
    for name in ("clicks", "unique_clickers", "clicked_recipients", "bot_hits", "conversions", "sessions"):
        assert sum(getattr(point, name) for point in series) == getattr(totals, name), name
    for name in ("revenue", "taken_back"):
        assert added(getattr(point, name) for point in series) == added([getattr(totals, name)]), name
    for name in ("confirmed", "reported", "unconfirmed"):
        parts, whole = [getattr(point, name) for point in series], getattr(totals, name)
        assert sum(part.conversions for part in parts) == whole.conversions, name
        assert added(part.revenue for part in parts) == added([whole.revenue]), name
    assert totals.conversions == totals.confirmed.conversions + totals.reported.conversions
    assert added([totals.revenue]) == added([totals.confirmed.revenue, totals.reported.revenue])
    assert added(action.revenue for action in report.events) == added([totals.revenue])
    for field, values in report.breakdowns.ListFields():
        hits = totals.bot_hits if field.name == "verdict" else 0
        assert sum(one.clicks for one in values) == totals.clicks + hits, field.name
        assert sum(one.unique_clickers for one in values) == totals.unique_clickers, field.name


def added(amounts: Iterable[Any]) -> dict[str, int]:
    """Return the sums of amounts in cents by currency, those of zero left out."""
    sums: dict[str, int] = {}
    for one in (single for several in amounts for single in several):
        sums[one.currency] = sums.get(one.currency, 0) + round(float(one.amount) * 100)
    return {currency: cents for currency, cents in sums.items() if cents}


async def reports(caller: Caller) -> list[Report]:
    """Return the reports of all scopes by both dates, in a zone of half hours, by hours and by days, of parts too."""
    found = []
    for scope in SCOPES:
        for basis in (report_service_pb2.REPORT_BASIS_EVENT, report_service_pb2.REPORT_BASIS_COHORT):
            for interval in (report_service_pb2.REPORT_INTERVAL_HOUR, report_service_pb2.REPORT_INTERVAL_DAY):
                told: dict[str, Any] = {"basis": basis, "interval": interval, "timezone": "Australia/Lord_Howe"}
                for start, end in RANGES:
                    range_ = {"from_time": to_timestamp(at(start)), "to_time": to_timestamp(at(end))}
                    found.append(await caller.report(**scope, **told, **range_))
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_counters_equal_a_recount(caller: Caller, database: "Database", seed: int) -> None:
    """Shuffled, doubled and six at a time; then all of it once more, which changes nothing."""
    chance = random.Random(seed)  # noqa: S311  (the same each time)
    if seed:
        # Of the second half what pages alone say is unconfirmed.
        await database.execute("UPDATE businesses SET confirmed_from = $1", at(LIFE + 35))
    steps = story(caller, chance) * 2
    chance.shuffle(steps)
    await at_once(steps, 6)
    await settle(database)
    recounted = await caller.reports.Reconcile(report_service_pb2.ReconcileRequest(business_id="shop"), timeout=SECONDS)
    assert list(recounted.differences) == []
    before = await reports(caller)
    for report in before:
        add_up(report)
    assert before[0].totals.clicks > 0
    assert money(before[0].totals.revenue) != ""
    await at_once(steps, 6)
    await settle(database)
    assert await reports(caller) == before
