"""What a setting, a server or a new link changes is decided again, and refunds follow their orders."""

from typing import Any

import pytest
from grpc import aio

from clicktrail.tracking.v1 import account_service_pb2, action_service_pb2, action_service_pb2_grpc, event_pb2
from tests.integration.tracking_service.attribution.test_attribution import Settled, settled, tracked
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, event, order
from tests.support.waiting import eventually
from tracking_service.attribution import store

__all__ = ["settled"]

pytestmark = pytest.mark.usefixtures("business")
PUBLIC = event_pb2.CREDENTIAL_PUBLIC
DAY = 24 * 60


async def change_window(accounts: Any, days: int) -> None:
    """Give the business another attribution window."""
    business = account_service_pb2.Business(id="shop", attribution_window_days=days)
    change = account_service_pb2.UpdateBusinessRequest(business=business)
    change.update_mask.paths.append("attribution_window_days")
    await accounts.UpdateBusiness(change, timeout=SECONDS)


def refund(order_id: str, reference: str = "r1", **fields: Any) -> event_pb2.Event:
    """Return a refund that names an order."""
    parameters = {"reference": reference, "order": order_id, "source": "shopify"}
    return event("refund.received", object_parameters=parameters, **fields)


async def test_another_window_is_for_the_past_too(
    caller: Caller, settled: Settled, accounts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces: each activity is looked at once."""
    monkeypatch.setattr(store, "BACKFILLED", 2)
    for number in range(5):
        await caller.deliver(click(-10 * DAY, seed=number, profile=f"p{number}"))
        await caller.track(order(reference=f"o{number}", profile=f"p{number}", session=None, amount="1", **tracked(0)))
    assert ("campaign", "spring", "order.placed") not in await settled()
    await change_window(accounts, 30)
    assert (await settled())["campaign", "spring", "order.placed"] == (5, 5, 500)
    await change_window(accounts, 1)
    assert ("campaign", "spring", "order.placed") not in await settled()


async def test_a_conversion_that_is_none_any_more(caller: Caller, settled: Settled, channel: aio.Channel) -> None:
    """The flag of an action is for the past too."""
    actions = action_service_pb2_grpc.ActionServiceStub(channel)
    action = action_service_pb2.Action(name="lead.won", conversion=True)
    request = action_service_pb2.CreateActionRequest(business_id="shop", action=action)
    made = (await actions.CreateAction(request, timeout=SECONDS)).action
    await caller.track(event("lead.won"))
    assert (await settled())["business", "", "lead.won"] == (1, 1, 0)
    change = action_service_pb2.UpdateActionRequest(business_id="shop", id=made.id)
    change.update_mask.paths.append("conversion")
    await actions.UpdateAction(change, timeout=SECONDS)
    assert (await settled())["business", "", "lead.won"] == (1, 0, 0)


async def test_a_source_of_a_link_is_no_external_one(caller: Caller, settled: Settled) -> None:
    """Also where the link is known only afterwards."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    seen = event_pb2.UtmSeen(source="Spring-SMS")
    await caller.track(order(session=minted.session, amount="10", utm_params=seen, **tracked(5)))
    assert ("campaign", "spring", "order.placed") not in await settled()
    await caller.deliver(links=[link("l1", destination="https://shop.example.com/?utm_source=spring-sms")])
    assert (await settled())["campaign", "spring", "order.placed"] == (1, 1, 1000)


@pytest.mark.parametrize("is_page_first", [True, False])
async def test_a_server_supersedes_a_page(caller: Caller, settled: Settled, is_page_first: bool) -> None:  # noqa: FBT001  (both ways)
    """Whichever came first; the page's is a duplicate of what is known already, the server's never of a page's."""
    page = order(session="a-browser-of-somebody", amount="999", **tracked(4))
    server = order(session="a-browser-of-somebody", amount="10", **tracked(5))
    first, second = ((page, PUBLIC), (server, event_pb2.CREDENTIAL_PRIVATE))[:: 1 if is_page_first else -1]
    known = await caller.track(first[0], credential=first[1])
    other = await caller.track(second[0], credential=second[1])
    assert known.status == ACCEPTED
    assert (other.status, other.id == known.id) == ((ACCEPTED, False) if is_page_first else (DUPLICATE, True))
    assert await settled() == {("business", "", "order.placed"): (1, 1, 1000)}
    again = await caller.track(server, credential=event_pb2.CREDENTIAL_PRIVATE)
    assert (again.status, again.id) == (DUPLICATE, other.id if is_page_first else known.id)
    again = await caller.track(page, credential=PUBLIC)
    assert (again.status, again.id) == (DUPLICATE, other.id if is_page_first else known.id)


async def test_a_refund_may_come_before_its_order(caller: Caller, settled: Settled) -> None:
    """It takes back once there is something, where its order is credited, by its reference or its id."""
    await caller.track(refund("1001", session="of-the-back-office", amount="4", **tracked(60)))
    assert await settled() == {("business", "", "refund.received"): (1, 0, 0)}
    minted = click(profile="ana")
    await caller.deliver(minted)
    await caller.track(order(session=minted.session, amount="10", **tracked(5)))
    assert (await settled())["campaign", "spring", "refund.received"] == (1, 0, -400)
    activities = await eventually(lambda: caller.activities("ana"), lambda found: len(found) == 2)
    order_id = activities[0].object.text.decode().split('"')[3]
    await caller.track(refund(order_id, "r2", session="of-the-back-office", amount="10", **tracked(70)))
    counts = await settled()
    assert counts["campaign", "spring", "refund.received"] == (2, 0, -1000)
    assert counts["campaign", "spring", "order.placed"] == (1, 0, 1000)


async def test_what_a_page_says_takes_nothing_back(caller: Caller, settled: Settled) -> None:
    """It is recorded alone."""
    await caller.track(order(amount="10", **tracked(5)))
    await caller.track(refund("1001", amount="4", **tracked(6)), credential=PUBLIC)
    await caller.track(order("order.cancelled", **tracked(7)), credential=PUBLIC)
    assert await settled() == {
        ("business", "", "order.placed"): (1, 1, 1000),
        ("business", "", "refund.received"): (1, 0, 0),
        ("business", "", "order.cancelled"): (1, 0, 0),
    }
    await caller.track(order("order.cancelled", **tracked(8)))
    assert await settled() == {
        ("business", "", "order.placed"): (1, 0, 1000),
        ("business", "", "refund.received"): (1, 0, 0),
        ("business", "", "order.cancelled"): (1, 0, -1000),
    }
