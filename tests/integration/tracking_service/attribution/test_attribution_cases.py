"""What a campaign earned in the cases that shops and clocks make, by its reports, in whatever order things come."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from clicktrail.tracking.v1 import (
    account_service_pb2,
    action_service_pb2,
    action_service_pb2_grpc,
    event_pb2,
    event_service_pb2,
    profile_service_pb2,
    report_service_pb2,
)
from common.clock import to_timestamp
from tests.integration.tracking_service.reports.test_worked_example import money, settle
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.events import ACCEPTED, event, order
from tests.support.tracking_service.worked_example import at

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

Step = Callable[[], Awaitable[Any]]
PAGE = event_pb2.CREDENTIAL_PUBLIC
DAY = 24 * 60
CASES = 22


class Shop:
    """Speaks for a shop whose customer Ana clicked a link of the campaign `spring` at minute 0."""

    def __init__(self, caller: Caller, database: "Database") -> None:
        self.caller = caller
        self._database = database
        self.click = click(0, link="l1", profile="ana")

    async def begin(self) -> None:
        """Make the link, and click it."""
        await self.caller.deliver(self.click, links=[link("l1", profile="ana")])

    def step(self, action: str, minutes: float, amount: str | None = None, **fields: Any) -> Step:
        """Return a step of the order 1001 by the visitor."""
        outside = {name: fields.pop(name) for name in ("credential",) if name in fields}
        told: dict[str, Any] = {"session": self.click.session, "tracked_at": to_timestamp(at(minutes))} | fields
        key = f"{action} {minutes} {outside}"
        received = to_timestamp(at(40 * DAY))
        sent = order(action, amount=amount, **told)
        return partial(self.caller.track, sent, key=key, received_at=received, **outside)

    def refund(self, minutes: float, amount: str | None, **fields: Any) -> Step:
        """Return a refund of the order 1001."""
        outside = {name: fields.pop(name) for name in ("credential",) if name in fields}
        refunded = {"reference": f"r{minutes}", "order": fields.pop("order", "1001"), "source": "shopify"}
        action = fields.pop("action", "refund.received")
        told: dict[str, Any] = {"session": self.click.session, "tracked_at": to_timestamp(at(minutes))} | fields
        sent = event(action, object_parameters=refunded, amount=amount, **told)
        return partial(
            self.caller.track, sent, key=f"refund {minutes}", received_at=to_timestamp(at(40 * DAY)), **outside
        )

    async def earned(self, **fields: Any) -> tuple[int, str, str]:
        """Return conversions, revenue and what was taken back of the campaign, once all is decided."""
        await settle(self._database)
        request = report_service_pb2.ReconcileRequest(business_id="shop")
        assert list((await self.caller.reports.Reconcile(request, timeout=SECONDS)).differences) == []
        whole = {"campaign": "spring", "from_time": to_timestamp(at(0)), "to_time": to_timestamp(at(60 * DAY))}
        totals = (await self.caller.report(**(whole | fields))).totals
        return totals.conversions, money(totals.revenue), money(totals.taken_back)


@pytest_asyncio.fixture
async def shop(caller: Caller, database: "Database") -> Shop:
    """Open a shop."""
    shop = Shop(caller, database)
    await shop.begin()
    return shop


def cases(shop: Shop) -> dict[str, tuple[list[Step], tuple[int, str, str]]]:
    """Return stories of one order, and what they earned."""
    placed, confirmed, shipped = (
        shop.step("order.placed", 1, "10"), shop.step("order.confirmed", 2, "20"), shop.step("order.shipped", 3, "30"),
    )  # fmt: skip
    nothing = shop.step("order.placed", 1)
    page = shop.step("order.placed", 1, "999", credential=PAGE)
    cancelled = shop.step("order.cancelled", 9)
    return {
        "the first step with an amount": ([placed, confirmed, shipped], (1, "10.00 USD", "")),
        "not one without": ([nothing, confirmed, shipped], (1, "20.00 USD", "")),
        "nor one of zero": ([shop.step("order.placed", 1, "0"), confirmed], (1, "20.00 USD", "")),
        "first by name, not by time": ([shop.step("order.placed", 8, "10"), confirmed], (1, "10.00 USD", "")),
        "a server over a page": ([page, placed], (1, "10.00 USD", "")),
        "a refund between both": ([page, shop.refund(5, "4"), placed], (1, "6.00 USD", "4.00 USD")),
        "a server without an amount": ([page, nothing], (0, "", "")),
        "a refund before its order": ([shop.refund(0.5, "4"), placed], (1, "6.00 USD", "4.00 USD")),
        "another currency": ([placed, shop.refund(5, "4", currency="EUR")], (1, "10.00 USD", "")),
        "two refunds over the amount": (
            [placed, shop.refund(5, "7"), shop.refund(6, "7")], (0, "", "10.00 USD"),
        ),
        "cancelled after a part": ([placed, shop.refund(5, "4"), cancelled], (0, "", "10.00 USD")),
        "a part after cancelled": ([placed, shop.refund(12, "4"), cancelled], (0, "", "10.00 USD")),
        "a request": ([placed, shop.refund(5, "4", action="refund.requested")], (1, "10.00 USD", "")),
        "a page takes nothing back": ([placed, shop.refund(5, "4", credential=PAGE)], (1, "10.00 USD", "")),
        "a page cancels nothing": ([placed, shop.step("order.cancelled", 9, credential=PAGE)], (1, "10.00 USD", "")),
        "nor against its server": (
            [placed, shop.step("order.cancelled", 9, credential=PAGE), cancelled], (0, "", "10.00 USD"),
        ),
        "a free order": ([shop.step("order.placed", 1, "0")], (1, "", "")),
        "a free order of two steps": (
            [shop.step("order.placed", 1, "0"), shop.step("order.shipped", 3, "0.00")], (1, "", ""),
        ),
        "a free order cancelled": ([shop.step("order.placed", 1, "0"), cancelled], (0, "", "")),
        "a refund without a currency": (
            [shop.step("order.placed", 1, "10", currency="JPY"), shop.refund(5, "4")], (1, "6 JPY", "4 JPY"),
        ),
        "two without one over the amount": (
            [shop.step("order.placed", 1, "10", currency="KWD"), shop.refund(5, "7.5"), shop.refund(6, "7.5")],
            (0, "", "10.000 KWD"),
        ),
        "another order": ([placed, shop.refund(5, "4", order="1002")], (1, "10.00 USD", "")),
    }  # fmt: skip


@pytest.mark.parametrize("number", range(CASES))
async def test_an_order_in_every_order_of_arrival(shop: Shop, number: int, database: "Database") -> None:
    """The same each time: conversions, revenue, and what was taken back."""
    name, (steps, expected) = list(cases(shop).items())[number]
    assert len(cases(shop)) == CASES
    for arrival in permutations(steps):
        for table in ("events", "event_keys", "order_actions", "order_refunds", "credits", "event_counts", "objects"):
            await database.execute(f"DELETE FROM {table}")  # noqa: S608  (names of this file)
        await database.execute("DELETE FROM activities WHERE action <> 'short_link.clicked'")
        for step in arrival:
            await step()
            await settle(database)
        assert await shop.earned() == expected, name


async def change_window(accounts: Any, days: int) -> None:
    """Set the window of the business."""
    business = account_service_pb2.Business(id="shop", attribution_window_days=days)
    mask = FieldMask(paths=["attribution_window_days"])
    await accounts.UpdateBusiness(
        account_service_pb2.UpdateBusinessRequest(business=business, update_mask=mask), timeout=SECONDS
    )


MICROSECOND = 1 / 60_000_000


@pytest.mark.parametrize(
    ("days", "minutes", "is_credited"),
    [
        (7, 7 * DAY, True),
        (7, 7 * DAY + MICROSECOND, False),
        (90, 90 * DAY, True),
        (90, 90 * DAY + MICROSECOND, False),
        (0, 0, True),
        (0, MICROSECOND, False),
        (0, -DAY, True),
        (7, -DAY, True),
        (7, -DAY - MICROSECOND, False),
    ],
)
async def test_the_ends_of_the_window(
    shop: Shop,
    accounts: Any,
    days: int,
    minutes: float,
    is_credited: bool,  # noqa: FBT001  (a row of a table)
) -> None:
    """Both belong to it, to the microsecond; also where the window is changed behind the event."""
    minted = click(100, link="l1", profile="ana")
    await shop.caller.deliver(minted)
    sent = order(session=minted.session, amount="10", tracked_at=to_timestamp(at(100 + minutes)))
    receipt = await shop.caller.track(sent, received_at=to_timestamp(at(200 * DAY)))
    await change_window(accounts, days)
    request = event_service_pb2.ExplainAttributionRequest(business_id="shop", event=receipt.id)
    told = await shop.caller.events.ExplainAttribution(request, timeout=SECONDS)
    # Ana's other click, a hundred minutes before, may win where this one does not.
    assert (minted.session in [one.session for one in told.candidates if one.is_winner]) is is_credited


async def test_a_custom_action_that_turns_into_a_conversion(shop: Shop, channel: aio.Channel) -> None:
    """With an amount it earns anyway; without, it converts as long as it is marked."""
    actions = action_service_pb2_grpc.ActionServiceStub(channel)
    made = await actions.CreateAction(
        action_service_pb2.CreateActionRequest(business_id="shop", action=action_service_pb2.Action(name="lead.won")),
        timeout=SECONDS,
    )
    session = shop.click.session
    for minutes, amount in ((5, None), (6, "0"), (7, "3")):
        told = {"session": session, "amount": amount, "tracked_at": to_timestamp(at(minutes))}
        assert (await shop.caller.track(event("lead.won", **told))).status == ACCEPTED
    assert await shop.earned() == (1, "3.00 USD", "")
    for conversion, conversions in ((True, 3), (False, 1)):
        action = action_service_pb2.Action(conversion=conversion)
        request = action_service_pb2.UpdateActionRequest(
            business_id="shop", id=made.action.id, action=action, update_mask=FieldMask(paths=["conversion"])
        )
        await actions.UpdateAction(request, timeout=SECONDS)
        assert await shop.earned() == (conversions, "3.00 USD", "")


@pytest.mark.parametrize(("amount", "currency", "money_"), [
    ("1234.5", "JPY", "1234 JPY"), ("1235.5", "JPY", "1236 JPY"), ("1.2345", "KWD", "1.234 KWD"),
    ("92233720368547758.07", "USD", "92233720368547758.07 USD"),
])  # fmt: skip
async def test_currencies_have_their_own_digits(shop: Shop, amount: str, currency: str, money_: str) -> None:
    """Rounded half-even; sums may be larger than any amount."""
    await shop.step("order.placed", 5, amount, currency=currency)()
    assert await shop.earned() == (1, money_, "")


async def test_sums_beyond_64_bits(shop: Shop) -> None:
    """Are told in full, in totals, series, events, and of the recipient."""
    largest = "92233720368547758.07"
    for number in range(3):
        told: dict[str, Any] = {
            "session": shop.click.session,
            "tracked_at": to_timestamp(at(5)),
            "amount": largest,
        }
        await shop.caller.track(order(reference=str(number), **told))
    total = "276701161105643274.21 USD"
    assert await shop.earned() == (3, total, "")
    report = await shop.caller.report(campaign="spring")
    assert [money(one.revenue) for one in report.events] == [total]
    assert [money(one.revenue) for one in report.series if one.conversions] == [total]
    request = report_service_pb2.ListRecipientsRequest(business_id="shop", campaign="spring")
    pieces = [piece async for piece in shop.caller.reports.ListRecipients(request, timeout=SECONDS)]
    assert [money(one.revenue) for piece in pieces for one in piece.recipients] == [total]


async def recipients(caller: Caller) -> dict[str, tuple[int, str, str]]:
    """Return conversions, revenue and what was taken back of each recipient of the campaign."""
    request = report_service_pb2.ListRecipientsRequest(business_id="shop", campaign="spring")
    pieces = [piece async for piece in caller.reports.ListRecipients(request, timeout=SECONDS)]
    return {
        one.profile: (one.conversions, money(one.revenue), money(one.taken_back))
        for piece in pieces
        for one in piece.recipients
    }


async def test_a_refund_is_the_buyers_whoever_sends_it(shop: Shop) -> None:
    """The list of recipients adds up to the report, also where a back office or another recipient refunds."""
    await shop.caller.deliver(click(1, link="l2", profile="ben"), links=[link("l2", profile="ben")])
    await shop.step("order.placed", 5, "10")()
    await shop.refund(6, "4", session=None, profile="ben")()
    assert await shop.earned() == (1, "6.00 USD", "4.00 USD")
    assert await recipients(shop.caller) == {"ana": (1, "6.00 USD", "4.00 USD"), "ben": (0, "", "")}
    await shop.step("order.cancelled", 7, session="a-back-office")()
    assert await shop.earned() == (0, "", "10.00 USD")
    assert await recipients(shop.caller) == {"ana": (0, "", "10.00 USD"), "ben": (0, "", "")}


async def test_what_a_late_identification_moves(shop: Shop) -> None:
    """Ana bought on another device: her click is credited once that is known to be hers; to nobody else ever."""
    bought = shop.step("order.placed", 30, "10", session="her-tablet")
    await bought()
    assert await shop.earned() == (0, "", "")
    await shop.caller.attach("her-tablet", "ana")
    assert await shop.earned() == (1, "10.00 USD", "")
    assert await recipients(shop.caller) == {"ana": (1, "10.00 USD", "")}


async def test_an_erased_person_stays_counted(shop: Shop, caller: Caller) -> None:
    """Clicks, rate and revenue stay; late events and refunds still find their order; the list names nobody."""
    await shop.step("order.placed", 5, "10")()
    before = await shop.earned()
    request = profile_service_pb2.EraseProfileRequest(business_id="shop", id="ana")
    await caller.profiles.EraseProfile(request, timeout=SECONDS)
    assert await shop.earned() == before
    totals = (await caller.report(campaign="spring")).totals
    assert (totals.recipients, totals.clicked_recipients, totals.click_through_rate) == (1, 1, 1)
    await shop.refund(6, "4")()
    await caller.deliver(click(50, link="l1", profile="ana"))
    assert await shop.earned() == (1, "6.00 USD", "4.00 USD")
    assert await recipients(caller) == {}


async def test_by_cohort_and_by_event_are_the_same_in_the_end(shop: Shop, caller: Caller) -> None:
    """A campaign's whole life by either date; of the business what no click led to has no cohort."""
    await shop.step("order.placed", 5, "10")()
    await shop.refund(20, "4")()
    cohort = report_service_pb2.REPORT_BASIS_COHORT
    assert await shop.earned() == await shop.earned(basis=cohort) == (1, "6.00 USD", "4.00 USD")
    by_event, by_cohort = [(await caller.report(campaign="spring", basis=basis)).totals for basis in (1, 2)]
    assert by_event == by_cohort
