"""Figures by whose word they rest on, as reports tell them, and what strangers can do to them."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from clicktrail.tracking.v1 import account_service_pb2, event_pb2, event_service_pb2, report_service_pb2
from common.clock import from_timestamp, now, to_timestamp
from tests.integration.tracking_service.reports.test_worked_example import money, settle
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, event, order, submission, track

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

PAGE = event_pb2.CREDENTIAL_PUBLIC
LARGEST = "92233720368547758.07"
Part = tuple[int, str]
Totals = tuple[Part, Part, Part, Part]
NOTHING = (0, "")


class Shop:
    """Speaks for a shop with two campaigns, `real` and `attack`, and a visitor who clicked each of them."""

    def __init__(self, caller: Caller, database: "Database") -> None:
        self.caller = caller
        self._database = database
        self.visitors = {name: click(0, seed=seed, campaign=name, link=name) for seed, name in enumerate(SCOPES, 1)}

    async def begin(self) -> None:
        """Make the links, and click them."""
        links = [link(name, campaign=name) for name in self.visitors]
        await self.caller.deliver(*self.visitors.values(), links=links)

    def said(self, minutes: float, visitor: str, amount: str, **fields: Any) -> event_pb2.Submission:
        """Return what a visitor's page says of an order, received so many minutes after the clicks."""
        return self.told(minutes, amount, credential=PAGE, session=self.session(visitor), **fields)

    def told(self, minutes: float, amount: str, **fields: Any) -> event_pb2.Submission:
        """Return what a private token says of an order."""
        received_at = fields.pop("received_at", START + timedelta(minutes=minutes))
        outside = {name: fields.pop(name) for name in ("credential", "key") if name in fields}
        sent = fields.pop("sent", order)(amount=amount, **fields)
        return submission(sent, received_at=to_timestamp(received_at), **outside)

    def session(self, visitor: str) -> str:
        """Return the session of a visitor; of any other name, one without a click."""
        return self.visitors[visitor].session if visitor in self.visitors else visitor

    async def send(self, *submissions: event_pb2.Submission) -> list[event_pb2.Receipt]:
        """Send events in one batch."""
        return await track(self.caller.events, *submissions)

    async def totals(self, **scope: str) -> Totals:
        """Return conversions and revenue: all, confirmed, reported, unconfirmed; once all is decided and recounted."""
        await settle(self._database)
        request = report_service_pb2.ReconcileRequest(business_id="shop")
        assert list((await self.caller.reports.Reconcile(request, timeout=SECONDS)).differences) == []
        report = await self.caller.report(**scope)
        _add_up(report)
        return _parts(report.totals)


SCOPES = ("real", "attack")


def _parts(totals: report_service_pb2.Totals) -> Totals:
    parts = [(each.conversions, money(each.revenue)) for each in (totals, totals.confirmed, totals.reported)]
    return parts[0], parts[1], parts[2], (totals.unconfirmed.conversions, money(totals.unconfirmed.revenue))


def _add_up(report: report_service_pb2.Report) -> None:
    """Hold the series to the totals, and both to their parts."""
    totals = report.totals
    assert totals.conversions == totals.confirmed.conversions + totals.reported.conversions
    for point in report.series:
        assert point.conversions == point.confirmed.conversions + point.reported.conversions
    for name in ("confirmed", "reported", "unconfirmed"):
        parts = [getattr(point, name) for point in report.series]
        assert sum(part.conversions for part in parts) == getattr(report.totals, name).conversions


@pytest_asyncio.fixture
async def shop(caller: Caller, database: "Database") -> Shop:
    """Open a shop."""
    shop = Shop(caller, database)
    await shop.begin()
    return shop


@pytest_asyncio.fixture
async def change(accounts: Any) -> Callable[..., Any]:
    """Return what changes the business, and returns it as it is then."""

    async def call(**fields: Any) -> account_service_pb2.Business:
        given = {name: value for name, value in fields.items() if value is not None}
        request = account_service_pb2.UpdateBusinessRequest(
            business=account_service_pb2.Business(id="shop", **given), update_mask=FieldMask(paths=list(fields))
        )
        business: account_service_pb2.Business = (await accounts.UpdateBusiness(request, timeout=SECONDS)).business
        return business

    return call


async def test_one_amount_of_a_page_does_not_bury_the_rest(shop: Shop) -> None:
    """The largest that there is, is kept and earns nothing."""
    (receipt,) = await shop.send(shop.said(1, "attack", LARGEST))
    assert receipt.status == ACCEPTED
    await shop.send(shop.said(2, "real", "120.00", reference="1002"))
    assert await shop.totals() == ((1, "120.00 USD"), NOTHING, (1, "120.00 USD"), NOTHING)
    request = event_service_pb2.ExplainAttributionRequest(business_id="shop", event=receipt.id)
    told = await shop.caller.events.ExplainAttribution(request, timeout=SECONDS)
    assert told.earns == "its amount is larger than what the business believes pages"


async def test_orders_taken_in_advance(shop: Shop) -> None:
    """They give no campaign the order that the real page tells, and the shop's own word puts everything right."""
    numbers = range(5001, 5201)
    await shop.send(*(shop.said(1, "attack", "0.01", reference=str(number)) for number in numbers))
    (receipt,) = await shop.send(shop.said(2, "real", "120.00", reference="5007"))
    assert receipt.status == DUPLICATE
    assert await shop.totals(campaign="real") == (NOTHING, NOTHING, NOTHING, NOTHING)
    attack = (199, "1.99 USD")
    assert await shop.totals(campaign="attack") == (attack, NOTHING, attack, NOTHING)
    assert (await shop.totals())[0] == (200, "2.00 USD")

    await shop.send(shop.told(3, "120.00", reference="5007", session=shop.session("real")))
    order_5007 = (1, "120.00 USD")
    assert await shop.totals(campaign="real") == (order_5007, order_5007, NOTHING, NOTHING)
    assert await shop.totals(campaign="attack") == (attack, NOTHING, attack, NOTHING)
    assert await shop.totals() == ((200, "121.99 USD"), order_5007, attack, NOTHING)


async def test_who_else_said_an_order_is_kept(shop: Shop, database: "Database") -> None:
    """As an event of its own visitor, that counts as nothing; the same one twice, and what earns nothing, is not."""
    again = shop.said(2, "real", "120", key="real")
    await shop.send(shop.said(1, "attack", "1"), again, again, shop.said(3, "attack", "5"), shop.told(4, "9", key="t"))
    await shop.send(shop.said(5, "third-visitor", "7"), shop.said(5, "real", "7"), again)
    await shop.send(shop.said(6, "fourth-visitor", "7", action="order.cancelled"))
    await shop.send(shop.said(6, "fifth-visitor", "7", action="order.cancelled"))
    await settle(database)
    rows = await database.fetch("SELECT session, action FROM events WHERE credential = 'public' ORDER BY received_at")
    placed = [row["session"] for row in rows if row["action"] == "order.placed"]
    assert placed == [shop.session("attack"), shop.session("real"), "third-visitor"]
    assert [row["session"] for row in rows if row["action"] == "order.cancelled"] == ["fourth-visitor"]
    counted = await database.fetchval(
        "SELECT events FROM event_counts WHERE action = 'order.placed' AND scope = 'business'"
    )
    assert counted == 1


async def test_a_step_is_told_by_few(shop: Shop, database: "Database") -> None:
    """So that nobody makes a decision dear by telling one order without end."""
    for batch in range(3):
        await shop.send(*(shop.said(1, f"visitor-{batch}-{number}", "1") for number in range(40)))
    assert await database.fetchval("SELECT count(*) FROM order_retellings") == 10
    assert await database.fetchval("SELECT count(*) FROM events") == 11
    assert (await shop.totals())[0] == (1, "1.00 USD")


async def test_what_is_unconfirmed_stands_beside_the_totals(shop: Shop, change: Any) -> None:
    """From the time on that the business sets; a token confirms it, a refund takes back where its order stands."""
    business = await change(confirmed_from=to_timestamp(now()))
    assert from_timestamp(business.confirmed_from) <= now()
    late = {"received_at": now() + timedelta(seconds=5), "tracked_at": to_timestamp(START + timedelta(minutes=5))}
    sold = {"reference": "1001"} | late
    await shop.send(shop.said(1, "real", "50", reference="1000"), shop.said(0, "real", "120", **sold))
    spent = partial(event, "app.spent", object_parameters={"reference": "app"})
    await shop.send(shop.said(0, "real", "3", sent=spent, **late))
    before, beside = (1, "50.00 USD"), (2, "123.00 USD")
    assert await shop.totals(campaign="real") == (before, NOTHING, before, beside)
    refund = partial(
        event, "refund.received", object_parameters={"reference": "r", "order": "1001", "source": "shopify"}
    )
    await shop.send(shop.told(0, "20", sent=refund, session="back-office", **late))
    assert await shop.totals(campaign="real") == (before, NOTHING, before, (2, "103.00 USD"))
    report = await shop.caller.report(campaign="real")
    assert (money(report.totals.taken_back), report.totals.conversions) == ("", 1)
    assert [money(one.revenue) for one in report.events if one.action == "order.placed"] == ["50.00 USD"]

    await shop.send(shop.told(0, "120", session="of-the-server", **sold))
    both, confirmed = (2, "150.00 USD"), (1, "100.00 USD")
    assert await shop.totals(campaign="real") == (both, confirmed, before, (1, "3.00 USD"))


async def test_what_is_to_be_confirmed_never_reaches_back(shop: Shop, change: Any) -> None:
    """Neither when it is set, to whichever time, nor when it is set anew or taken away."""
    await shop.send(shop.said(1, "real", "50", reference="1000"))
    business = await change(confirmed_from=to_timestamp(datetime(2020, 1, 1, tzinfo=UTC)))
    assert abs(from_timestamp(business.confirmed_from) - now()) < timedelta(minutes=1)
    reported, unconfirmed = (1, "50.00 USD"), (1, "7.00 USD")
    await shop.send(shop.said(1, "real", "7", reference="1001", received_at=now()))
    assert await shop.totals() == (reported, NOTHING, reported, unconfirmed)
    later = now() + timedelta(days=30)
    assert from_timestamp((await change(confirmed_from=to_timestamp(later))).confirmed_from) == later
    assert await shop.totals() == (reported, NOTHING, reported, unconfirmed)
    assert not (await change(confirmed_from=None)).HasField("confirmed_from")
    await shop.send(shop.said(1, "real", "1", reference="1002", received_at=now()))
    reported = (2, "51.00 USD")
    assert await shop.totals() == (reported, NOTHING, reported, unconfirmed)


async def test_setting_the_same_time_again_changes_nothing(change: Any) -> None:
    """So that a business can be written back as it was read."""
    business = await change(confirmed_from=to_timestamp(now()))
    assert await change(confirmed_from=business.confirmed_from, name="Another name") == account_service_pb2.Business(
        **{field.name: value for field, value in business.ListFields()} | {"name": "Another name"}
    )


async def test_the_ceiling_is_the_businesss(shop: Shop, change: Any) -> None:
    """In whole units of any currency; another one is for the past too."""
    assert (await change(page_amount_ceiling=100)).page_amount_ceiling == 100
    await shop.send(shop.said(1, "real", "100", reference="1"), shop.said(1, "real", "100.01", reference="2"))
    await shop.send(shop.said(1, "real", "100", reference="3", currency="JPY"), shop.told(1, "500", session="s" * 9))
    assert (await shop.totals())[1:3] == ((1, "500.00 USD"), (2, "100 JPY, 100.00 USD"))
    await change(page_amount_ceiling=101)
    assert (await shop.totals())[2] == (3, "100 JPY, 200.01 USD")
    for ceiling in (-1, 2**53):
        assert [fault[1] for fault in faults(await failure(change(page_amount_ceiling=ceiling)))] == [
            "page_amount_ceiling"
        ]


def story(shop: Shop) -> Sequence[event_pb2.Submission]:
    """Return what several say of one order."""
    return [
        shop.said(1, "attack", "0.01", key="a"),
        shop.said(2, "real", "120", key="b"),
        shop.said(3, "real", "130", key="c", action="order.confirmed"),
        shop.told(4, "110", key="d", session=shop.session("real")),
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((0, 1), ((1, "0.01 USD"), NOTHING)),
        ((1, 2), ((1, "120.00 USD"), (1, "120.00 USD"))),
        ((0, 1, 2), ((1, "0.01 USD"), NOTHING)),
        ((0, 1, 3), ((1, "110.00 USD"), (1, "110.00 USD"))),
    ],
)
async def test_an_order_told_by_several_in_every_order(
    shop: Shop, database: "Database", told: tuple[int, ...], expected: tuple[Part, Part]
) -> None:
    """Each arrival, each doubled, gives one end."""
    for arrival in permutations(told):
        tables = ("events", "event_keys", "order_actions", "order_retellings", "credits", "event_counts", "objects")
        for table in tables:
            await database.execute(f"DELETE FROM {table}")  # noqa: S608  (names of this file)
        await database.execute("DELETE FROM activities WHERE action <> 'short_link.clicked'")
        for number in (*arrival, *random.Random(0).sample(arrival, len(arrival))):  # noqa: S311  (the same each time)
            await shop.send(story(shop)[number])
        assert ((await shop.totals())[0], (await shop.totals(campaign="real"))[0]) == expected, arrival
        assert (await shop.totals(campaign="attack"))[0] == NOTHING
