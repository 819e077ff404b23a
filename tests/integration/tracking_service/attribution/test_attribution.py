"""Events are credited to the clicks that led to them, and again whenever more is known."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from grpc import aio

from clicktrail.tracking.v1 import account_service_pb2, action_service_pb2, action_service_pb2_grpc
from common.clock import to_timestamp
from tests.support.tracking_service.calling import SECONDS, Caller, fresh
from tests.support.tracking_service.clicking import START, click
from tests.support.tracking_service.events import SESSION, event, order
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

Counts = dict[tuple[str, str, str], tuple[int, int, int]]
"""Events, conversions and revenue by kind of scope, its id, and action."""


@pytest_asyncio.fixture
async def settled(database: "Database") -> Callable[[], Awaitable[Counts]]:
    """Return what waits until every mark has been decided on and returns the counters, without those of zeros."""

    async def wait() -> Counts:
        async def look() -> tuple[int, list[Any]]:
            # Marks are taken and counters written in one transaction: with no mark left, all is counted.
            async with database.transaction(isolation="repeatable_read"):
                marks = await database.fetchval(
                    "SELECT (SELECT count(*) FROM dirty_visitors) + (SELECT count(*) FROM sweeps)"
                )
                rows = await database.fetch(
                    "SELECT scope, scope_id, action, sum(events)::int, sum(conversions)::int, sum(revenue)::int"
                    " FROM event_counts WHERE scope NOT LIKE '% cohort'"
                    " GROUP BY scope, scope_id, action HAVING sum(events) <> 0 OR sum(revenue) <> 0"
                )
            return marks, rows

        _, rows = await eventually(look, lambda seen: seen[0] == 0)
        return {(scope, scope_id, action): tuple(figures) for scope, scope_id, action, *figures in rows}

    return wait


Settled = Callable[[], Awaitable[Counts]]


def minutes(number: float) -> datetime:
    """Return the time some minutes after the start."""
    return START + timedelta(minutes=number)


def tracked(number: float) -> dict[str, Any]:
    """Return the field that says when an event happened."""
    return {"tracked_at": to_timestamp(minutes(number))}


async def test_an_event_counts_for_the_scopes_of_its_click(caller: Caller, settled: Settled) -> None:
    """And for the business."""
    minted = click(message="m1", profile="ana")
    await caller.deliver(minted)
    await caller.track(order(session=minted.session, amount="395", **tracked(5)))
    figures = (1, 1, 39500)
    assert await settled() == {
        ("business", "", "order.placed"): figures,
        ("campaign", "spring", "order.placed"): figures,
        ("message", "m1", "order.placed"): figures,
        ("link", "abc", "order.placed"): figures,
    }


async def test_an_event_without_a_click_counts_for_the_business(caller: Caller, settled: Settled) -> None:
    """And for nothing else."""
    await caller.track(event("page.viewed", amount="1", currency="USD"))
    assert await settled() == {("business", "", "page.viewed"): (1, 0, 0)}


async def test_an_event_may_come_before_its_click(caller: Caller, settled: Settled, database: "Database") -> None:
    """It is credited when the click is delivered: by ledger entries, none of them edited."""
    minted = click(profile="ana")
    sent = order(session=minted.session, amount="10", **tracked(5))
    await caller.track(sent, fresh_session=fresh(minted.session, profile="ana"))
    assert await settled() == {("business", "", "order.placed"): (1, 1, 1000)}
    await caller.deliver(minted)
    counts = await settled()
    assert counts["campaign", "spring", "order.placed"] == counts["business", "", "order.placed"] == (1, 1, 1000)
    entries = await database.fetch("SELECT entry, sign, click_id IS NULL FROM credits ORDER BY entry")
    assert [tuple(entry) for entry in entries] == [(1, 1, True), (2, -1, True), (3, 1, False)]


async def test_a_claim_credits_what_came_before_it(caller: Caller, settled: Settled) -> None:
    """A person's purchase on another device, once the person is known there."""
    await caller.deliver(click(profile="ana"))
    await caller.track(order(session="her-other-device", amount="10", **tracked(5)))
    assert ("campaign", "spring", "order.placed") not in await settled()
    await caller.attach("her-other-device", "ana")
    assert (await settled())["campaign", "spring", "order.placed"] == (1, 1, 1000)


async def test_a_later_click_takes_the_credit(caller: Caller, settled: Settled) -> None:
    """Also where it is delivered after the event; one after the event does not."""
    await caller.deliver(click(profile="ana", campaign="first"))
    await caller.track(order(profile="ana", session=None, amount="10", **tracked(30)))
    assert (await settled())["campaign", "first", "order.placed"] == (1, 1, 1000)
    await caller.deliver(
        click(20, profile="ana", campaign="second"), click(31, seed=2, profile="ana", campaign="third")
    )
    campaigns = {key[1]: figures for key, figures in (await settled()).items() if key[0] == "campaign"}
    assert campaigns == {"second": (1, 1, 1000)}


async def test_the_window_is_the_businesss(caller: Caller, settled: Settled, accounts: Any) -> None:
    """A click of the day before leads to nothing where the window is 0 days."""
    change = account_service_pb2.UpdateBusinessRequest(
        business=account_service_pb2.Business(id="shop", attribution_window_days=0)
    )
    change.update_mask.paths.append("attribution_window_days")
    await accounts.UpdateBusiness(change, timeout=SECONDS)
    minted = click(profile="ana")
    await caller.deliver(minted)
    await caller.track(event(session=minted.session, **tracked(60)))
    assert await settled() == {("business", "", "page.viewed"): (1, 0, 0)}


async def test_an_order_earns_once_whoever_reports_it(caller: Caller, settled: Settled) -> None:
    """The page says that it was placed, the server that it was confirmed: the first step with an amount earns."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    await caller.track(order("order.confirmed", profile="ana", session=None, amount="20", **tracked(6)))
    assert (await settled())["campaign", "spring", "order.confirmed"] == (1, 1, 2000)
    await caller.track(order("order.placed", session="somebodys-browser", amount="21", **tracked(5)))
    counts = await settled()
    assert counts["campaign", "spring", "order.confirmed"] == (1, 0, 0)
    assert counts["business", "", "order.placed"] == (1, 1, 2100)
    assert ("campaign", "spring", "order.placed") not in counts


async def test_a_conversion_action_converts(caller: Caller, settled: Settled, channel: aio.Channel) -> None:
    """Without an amount it earns nothing; a purchase within an order neither earns nor converts."""
    request = action_service_pb2.CreateActionRequest(
        business_id="shop", action=action_service_pb2.Action(name="lead.won", conversion=True)
    )
    await action_service_pb2_grpc.ActionServiceStub(channel).CreateAction(request, timeout=SECONDS)
    await caller.track(event("lead.won"))
    bought = {"reference": "p1", "order": "1001"}
    await caller.track(event("product.purchased", object_parameters=bought, amount="5"))
    assert await settled() == {
        ("business", "", "lead.won"): (1, 1, 0),
        ("business", "", "product.purchased"): (1, 0, 0),
    }


async def test_a_mark_may_leave_the_past_aside(caller: Caller, settled: Settled, database: "Database") -> None:
    """What occurred before its time is not looked at again, what occurred from then on is."""
    await caller.track(event(**tracked(5)))
    await settled()
    await database.execute("TRUNCATE credits, event_counts")
    mark = "INSERT INTO dirty_visitors (business_id, session, since) VALUES ('shop', $1, $2)"
    await database.execute(mark, SESSION, minutes(6))
    assert await settled() == {}
    await database.execute(mark, SESSION, minutes(5))
    assert await settled() == {("business", "", "page.viewed"): (1, 0, 0)}


async def test_an_event_by_a_clock_behind_is_credited_to_its_late_click(caller: Caller, settled: Settled) -> None:
    """Also where it came first, and says that it happened up to a day before the click of its session."""
    minted = click(20)
    await caller.track(order(session=minted.session, amount="10", **tracked(20 - 23 * 60)))
    await caller.track(order(session=minted.session, reference="1002", amount="1", **tracked(20 - 25 * 60)))
    await settled()
    await caller.deliver(minted)
    assert (await settled())["campaign", "spring", "order.placed"] == (1, 1, 1000)


async def test_a_visitor_who_cannot_be_decided_on_holds_up_no_other(
    caller: Caller, settled: Settled, database: "Database"
) -> None:
    """The visitor is kept and retried; those behind are decided on, and the visitor too once the cause is gone."""
    await database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
    )
    await database.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON credits FOR EACH ROW "
        "WHEN (NEW.action = 'product.purchased') EXECUTE FUNCTION refuse()"
    )
    bought = event("product.purchased", session="the-failing-one", object_parameters={"reference": "p"}, amount="5")
    await caller.track(bought)
    await caller.track(event(session="the-one-behind"))

    async def look() -> tuple[int, int]:
        counted = await database.fetchval("SELECT sum(events)::int FROM event_counts WHERE action = 'page.viewed'")
        return counted or 0, await database.fetchval("SELECT count(*) FROM dirty_visitors WHERE attempts > 0")

    assert await eventually(look, lambda seen: seen == (1, 1)) == (1, 1)
    await database.execute("DROP TRIGGER refuse ON credits")
    await database.execute("UPDATE dirty_visitors SET next_try_at = now()")
    assert (await settled())["business", "", "product.purchased"] == (1, 1, 500)


async def test_any_order_of_arrival_gives_the_same_credits(caller: Caller, settled: Settled) -> None:
    """Clicks, events and claims shuffled, doubled and at once: the counters depend on what happened alone."""
    chance = random.Random(11)  # noqa: S311  (the same each time)
    expected: dict[str, int] = {}
    calls: list[Callable[[], Awaitable[Any]]] = []
    for number in range(12):
        campaign, session = f"campaign {number % 3}", f"the-browser-of-{number}"
        clicked = click(number, seed=number, profile=f"p{number}", campaign=campaign)
        placed = order(reference=f"o{number}", session=session, amount="1", **tracked(60 + number))
        issued = fresh(session, link=None, campaign=None, profile=f"p{number}")
        calls += [
            partial(caller.deliver, clicked),
            partial(caller.track, placed, key=f"k{number}"),
            partial(caller.identify, session, f"u{number}", fresh_session=issued),
        ]
        expected[campaign] = expected.get(campaign, 0) + 100
    calls *= 2
    chance.shuffle(calls)
    await asyncio.gather(*(call() for call in calls))
    counts = await settled()
    assert {key[1]: figures[2] for key, figures in counts.items() if key[0] == "campaign"} == expected
    assert counts["business", "", "order.placed"] == (12, 12, 1200)


async def test_the_ledger_adds_up_to_the_counters(caller: Caller, settled: Settled, database: "Database") -> None:
    """Every counter is the sum of the entries of its scope, whatever was taken back on the way."""
    chance = random.Random(13)  # noqa: S311  (the same each time)
    clicks = [
        click(chance.uniform(0, 300), seed=seed, profile=f"p{seed % 5}", campaign=f"c{seed % 4}") for seed in range(40)
    ]
    events = [
        order(reference=f"o{number}", profile=f"p{number % 5}", session=None, amount=str(number), **tracked(number * 9))
        for number in range(30)
    ]
    work: list[Callable[[], Awaitable[Any]]] = [partial(caller.deliver, one) for one in clicks]
    work += [partial(caller.track, one) for one in events]
    chance.shuffle(work)
    for call in work:
        await call()
    await settled()
    differing = await database.fetch(
        """
        WITH recount AS (
            SELECT s.scope, s.scope_id, sum(sign) AS events, sum(sign * conversions) AS conversions,
                   coalesce(sum(sign * revenue_minor), 0) AS revenue
            FROM credits, LATERAL (VALUES ('business', ''), ('campaign', campaign), ('link', link)) s (scope, scope_id)
            WHERE s.scope_id IS NOT NULL GROUP BY s.scope, s.scope_id
        ), counted AS (
            SELECT scope, scope_id, sum(events) AS events, sum(conversions) AS conversions, sum(revenue) AS revenue
            FROM event_counts WHERE scope NOT LIKE '% cohort' GROUP BY scope, scope_id
        )
        (TABLE recount EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE recount)
        """
    )
    assert differing == []
    total = await database.fetchval("SELECT sum(events)::int FROM event_counts WHERE scope = 'business'")
    assert total == len(events)
