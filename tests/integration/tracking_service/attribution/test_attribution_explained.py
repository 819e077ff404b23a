"""Why an event is credited as it is can be asked."""

import uuid
from typing import Any

import pytest

from clicktrail.tracking.v1 import account_service_pb2, event_pb2, event_service_pb2
from common.clock import to_timestamp
from common.errors import Reason
from tests.integration.tracking_service.attribution.test_attribution import tracked
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults
from tests.support.tracking_service.clicking import START, click
from tests.support.tracking_service.events import event, order
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("business")

Explanation = event_service_pb2.ExplainAttributionResponse


async def explained(caller: Caller, receipt: event_pb2.Receipt, entries: int = 0) -> Explanation:
    """Return the explanation of an event, once the ledger has so many entries of it."""

    async def look() -> Explanation:
        request = event_service_pb2.ExplainAttributionRequest(business_id="shop", event=receipt.id)
        return await caller.events.ExplainAttribution(request, timeout=SECONDS)

    return await eventually(look, lambda seen: len(seen.entries) >= entries)


async def test_each_click_has_its_reason(caller: Caller) -> None:
    """The latest within the window wins; older ones, earlier ones and later ones lose."""
    clicks = [
        click(-8 * 24 * 60, profile="ana", campaign="old"),
        click(-60, profile="ana", campaign="first"),
        click(-30, profile="ana", campaign="second"),
        click(30, profile="ana", campaign="late"),
    ]
    await caller.deliver(*clicks)
    receipt = await caller.track(order(profile="ana", session=None, amount="10", **tracked(0)))
    found = await explained(caller, receipt, 1)
    assert [(one.campaign, one.reason, one.is_winner) for one in found.candidates] == [
        ("late", "clicked after the event", False),
        ("second", "the latest click", True),
        ("first", "a later click came before the event", False),
        ("old", "clicked before the attribution window", False),
    ]
    assert (found.rules_version, found.reason, found.is_conversion) == (4, "the latest click", True)
    assert found.earns == "it is the first step of its order with an amount"
    assert (found.revenue.amount, found.revenue.currency) == ("10.00", "USD")
    entry = found.entries[0]
    assert (entry.entry, entry.sign, entry.campaign, entry.revenue.amount) == (1, 1, "second", "10.00")
    assert entry.click == str(uuid.UUID(bytes=clicks[2].id))


async def test_an_external_source_is_named(caller: Caller) -> None:
    """Where it was seen after the click; without any click there is nothing to outrun."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    google = event_pb2.UtmSeen(source="Google", observed_at=to_timestamp(START))
    receipt = await caller.track(event(session=minted.session, utm_params=google, **tracked(5)))
    assert (await explained(caller, receipt)).reason == "the latest click"
    google.ClearField("observed_at")
    receipt = await caller.track(event(session=minted.session, utm_params=google, **tracked(5)))
    found = await explained(caller, receipt)
    assert found.reason == "an external source was seen after the click: google"
    assert [one.is_winner for one in found.candidates] == [False]
    receipt = await caller.track(event(**tracked(5)))
    found = await explained(caller, receipt)
    assert (found.reason, found.earns) == ("there is no click of this visitor", "its action earns nothing")


async def test_a_refund_is_credited_as_its_order_is(caller: Caller) -> None:
    """By the clicks of whoever ordered, with what it took back."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    await caller.track(order(session=minted.session, amount="10", **tracked(5)))
    refund = {"reference": "r1", "order": "1001", "source": "shopify"}
    receipt = await caller.track(
        event("refund.received", session="of-the-back-office", object_parameters=refund, amount="4", **tracked(60))
    )
    found = await explained(caller, receipt)
    assert found.reason == "it is credited as its order is: the latest click"
    assert (found.revenue.amount, found.earns) == ("-4.00", "it takes back what its order earned")
    assert [one.session for one in found.candidates] == [minted.session]


@pytest.mark.parametrize("unknown", ["", "x", str(uuid.UUID(int=7))])
async def test_there_is_nothing_to_explain(caller: Caller, unknown: str) -> None:
    """Of an event that is not there, a click, or another business's."""
    request = event_service_pb2.ExplainAttributionRequest(business_id="shop", event=unknown)
    error = await failure(caller.events.ExplainAttribution(request, timeout=SECONDS))
    assert error.reason is Reason.EVENT_UNKNOWN
    assert faults(error) == [("not_found", "event")]


async def test_only_ones_own_events_are_explained(caller: Caller, accounts: Any) -> None:
    """Neither those of another business nor clicks are known."""
    business = account_service_pb2.Business(id="other", name="Another shop")
    await accounts.CreateBusiness(account_service_pb2.CreateBusinessRequest(business=business), timeout=SECONDS)
    minted = click(profile="ana")
    await caller.deliver(minted)
    receipt = await caller.track(order(session=minted.session, amount="10", **tracked(5)))
    assert (await explained(caller, receipt, 1)).revenue.amount == "10.00"
    for business_id, event_id in (("other", receipt.id), ("shop", str(uuid.UUID(bytes=minted.id))), ("no", receipt.id)):
        request = event_service_pb2.ExplainAttributionRequest(business_id=business_id, event=event_id)
        error = await failure(caller.events.ExplainAttribution(request, timeout=SECONDS))
        assert error.reason is Reason.EVENT_UNKNOWN, business_id


async def test_what_earns_nothing_says_why(caller: Caller) -> None:
    """A step behind the one that earns, a part of an order, a refund without an order, what a page says."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    told: dict[str, Any] = {"session": minted.session, "amount": "10"}
    bought = {"reference": "p1", "order": "1001"}
    page = {"credential": event_pb2.CREDENTIAL_PUBLIC}
    await caller.track(order(**told, **tracked(5)))
    events = {
        "an earlier step of its order earns": await caller.track(order("order.confirmed", **told, **tracked(6))),
        "it is part of an order, which earns for it": await caller.track(
            event("product.purchased", object_parameters=bought, **told, **tracked(6))
        ),
        "it names no order that earned": await caller.track(
            event("refund.received", object_parameters={"reference": "r1"}, **told, **tracked(6))
        ),
        "sent by a page, it takes nothing back": await caller.track(
            order("order.cancelled", session=minted.session, **tracked(7)), **page
        ),
        "its action earns nothing": await caller.track(event(**told, **tracked(8))),
    }
    for reason, receipt in events.items():
        found = await explained(caller, receipt, 1)
        assert (found.earns, found.HasField("revenue"), found.is_conversion) == (reason, False, False)
