"""Events that nobody and no click has a part in are counted with their receipt, and decided on again like others."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from clicktrail.tracking.v1 import report_service_pb2
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import click
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, SESSION, event, order, submission, track
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

MARKS = "SELECT count(*) FROM dirty_visitors"
COUNTED = "SELECT sum(events)::int FROM event_counts WHERE scope = $1"


async def settled(database: "Database") -> None:
    """Wait until all that was marked has been decided on."""
    await eventually(lambda: database.fetchval(MARKS), lambda count: count == 0)


async def test_it_is_counted_with_its_receipt(caller: Caller, database: "Database") -> None:
    """Once, however often it is sent, and in the ledger."""
    for status in (ACCEPTED, DUPLICATE):
        assert (await caller.track(event(), key="one")).status == status
        assert await database.fetchval(COUNTED, "business") == 1
        assert await database.fetchval("SELECT version FROM report_versions") == 1
    entries = await database.fetch("SELECT entry, sign, click_id, conversions, revenue_minor FROM credits")
    assert [tuple(entry) for entry in entries] == [(1, 1, None, 0, None)]


async def test_a_batch_of_many_kinds_counts_each_once(caller: Caller, database: "Database") -> None:
    """Those decided at once and those that are left to attribution."""
    sent = [event(), event("cart.viewed"), event(session=None, profile="ana"), order(amount="5"), order()]
    receipts = await track(caller.events, *map(submission, sent))
    assert [receipt.status for receipt in receipts] == [ACCEPTED] * 4 + [DUPLICATE]
    await settled(database)
    assert await database.fetchval(COUNTED, "business") == 4


async def test_a_click_that_comes_later_takes_the_credit(caller: Caller, database: "Database") -> None:
    """In the session that the event was in."""
    minted = click(seed=7)
    await caller.track(event(session=minted.session))
    assert await database.fetchval(COUNTED, "campaign") is None
    await caller.deliver(minted)
    await settled(database)
    assert (await database.fetchval(COUNTED, "campaign"), await database.fetchval(COUNTED, "business")) == (1, 1)


async def test_a_claim_that_comes_later_credits_the_persons_click(caller: Caller, database: "Database") -> None:
    """It leads to what the session did before."""
    await caller.deliver(click(profile="ana"))
    await caller.track(event())
    await caller.attach(SESSION, "ana")
    await settled(database)
    assert (await database.fetchval(COUNTED, "campaign"), await database.fetchval(COUNTED, "business")) == (1, 1)


async def test_an_event_and_its_click_that_meet_miss_each_other_never(caller: Caller, database: "Database") -> None:
    """Whichever is first, the event is credited to the click, and counted once."""
    clicks = [click(seed=seed) for seed in range(60)]
    for minted in clicks:
        await asyncio.gather(
            caller.deliver(minted),
            caller.track(event(session=minted.session)),
            caller.track(event("cart.viewed", session=minted.session)),
        )
    await settled(database)
    counted = [await database.fetchval(COUNTED, scope) for scope in ("campaign", "business")]
    assert counted == [2 * len(clicks)] * 2


async def test_batches_at_once_count_all_of_it(caller: Caller, database: "Database") -> None:
    """Claims of visits that are counted elsewhere, plain events and attribution are in nobody's way."""
    visits = [click(seed=seed, link=f"shared{seed}") for seed in range(20)]
    await caller.deliver(*visits)
    batches = [
        [
            submission(event(session=f"{visit.session}-elsewhere")),
            submission(event("cart.viewed", session=visit.session, profile=f"person{number % 7}")),
            submission(event(session=f"{visit.session}-elsewhere2")),
        ]
        for number, visit in enumerate(visits)
    ]
    for receipts in await asyncio.gather(*(track(caller.events, *batch) for batch in batches)):
        assert {receipt.status for receipt in receipts} == {ACCEPTED}
    await settled(database)
    assert await database.fetchval(COUNTED, "business") == 3 * len(visits)
    request = report_service_pb2.ReconcileRequest(business_id="shop")
    assert not (await caller.reports.Reconcile(request, timeout=SECONDS)).differences
