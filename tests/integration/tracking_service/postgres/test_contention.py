"""Transactions that were in each other's way are tried again: nothing is lost, nothing doubled."""

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest
from grpc import aio

from clicktrail.tracking.v1 import profile_service_pb2
from tests.support.tracking_service.calling import Caller
from tests.support.tracking_service.clicking import click, issued, link
from tests.support.tracking_service.events import ACCEPTED, event, order, submission, track
from tests.support.waiting import eventually
from tracking_service.postgres.locks import Lock

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

# Fails the first three tries; a sequence is not rolled back.
CLASHING = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF nextval('tries') <= 3 THEN RAISE SQLSTATE '{state}'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER clash BEFORE {occasion} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION clash();
"""
STATES = {"a deadlock": "40P01", "a serialization failure": "40001"}


async def clash(database: "Database", state: str, occasion: str, table: str) -> None:
    """Have what writes to a table fail three times."""
    await database.execute(CLASHING.format(state=STATES[state], occasion=occasion, table=table))


@pytest.mark.parametrize("state", STATES)
async def test_a_delivery_is_tried_again(channel: aio.Channel, database: "Database", state: str) -> None:
    """Whatever it had done before the clash is done once."""
    await clash(database, state, "INSERT", "click_counts")
    await Caller(channel).deliver(click(1, profile="ann"), links=[link("l", profile="ann")])
    assert await database.fetchval("SELECT clicks FROM click_counts WHERE scope = 'business'") == 1
    assert await database.fetchval("SELECT recipients FROM recipient_counts WHERE scope = 'business'") == 1
    assert await database.fetchval("SELECT count(*) FROM rejected") == 0


@pytest.mark.parametrize("state", STATES)
async def test_events_are_tried_again(channel: aio.Channel, database: "Database", state: str) -> None:
    """The sender sees nothing of it."""
    await clash(database, state, "INSERT", "activities")
    receipts = await track(Caller(channel).events, *(submission(event(), key=f"k{number}") for number in range(5)))
    assert {receipt.status for receipt in receipts} == {ACCEPTED}
    assert await database.fetchval("SELECT count(*) FROM events") == 5


@pytest.mark.parametrize("state", STATES)
async def test_attribution_is_tried_again(channel: aio.Channel, database: "Database", state: str) -> None:
    """Each event is counted once."""
    await clash(database, state, "INSERT", "event_counts")
    await track(Caller(channel).events, submission(order()))
    await eventually(
        lambda: database.fetchval("SELECT sum(events) FROM event_counts WHERE scope = 'business'"),
        lambda sum_: sum_ == 1,
    )


@pytest.mark.parametrize("state", STATES)
async def test_an_erasure_is_tried_again(channel: aio.Channel, database: "Database", state: str) -> None:
    """Its rows are cleared."""
    caller = Caller(channel)
    await caller.deliver(click(1, profile="ann"))
    await clash(database, state, "UPDATE", "clicks")
    request = profile_service_pb2.EraseProfileRequest(business_id="shop", id="ann")
    await caller.profiles.EraseProfile(request, timeout=120)
    await eventually(lambda: database.fetchval("SELECT user_agent FROM clicks"), lambda agent: agent == "")


async def test_a_real_deadlock_costs_nothing(channel: aio.Channel, database: "Database", postgres_url: str) -> None:
    """A delivery holds a link and wants a counter; another transaction holds the counter and wants the link."""
    caller = Caller(channel)
    await caller.deliver(click(1), links=[link("l")])
    other, gate = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    try:
        # The one that closes the circle is to notice it, and that is the delivery.
        await other.execute("SET deadlock_timeout = '1h'; BEGIN; SELECT FROM click_counts FOR UPDATE")
        await gate.execute("BEGIN; INSERT INTO sessions (business_id, id, created_at) VALUES ('shop', 'a-gate', now())")
        delivering = asyncio.create_task(
            caller.deliver(click(2), links=[link("l", revision=2)], sessions=[issued("a-gate")])
        )
        await until_waiting(database, 1)  # The delivery has the link and stands before the gate.
        wanting = asyncio.create_task(other.execute("SELECT FROM links FOR UPDATE"))
        await until_waiting(database, 2)
        await gate.execute("ROLLBACK")
        await wanting  # The delivery has given way.
        await other.execute("COMMIT")
        await delivering
    finally:
        await other.close()
        await gate.close()
    assert await database.fetchval("SELECT sum(clicks) FROM click_counts WHERE scope = 'business'") == 2
    assert await database.fetchval("SELECT revision FROM links") == 2
    assert await database.fetchval("SELECT count(*) FROM sessions WHERE id = 'a-gate'") == 1


async def test_who_waits_to_count_holds_no_session(
    channel: aio.Channel, database: "Database", postgres_url: str
) -> None:
    """Not even one issued without a click: who counts meanwhile may want it, and would wait in a circle."""
    counting = await asyncpg.connect(postgres_url)
    try:
        await counting.execute("BEGIN")
        await counting.execute("SELECT pg_advisory_xact_lock($1, hashtext('shop'))", Lock.COUNTERS)
        delivering = asyncio.create_task(Caller(channel).deliver(click(1), sessions=[issued("a-session")]))
        await until_waiting(database, 1)
        written = "SELECT count(*) FROM pg_locks WHERE relation = 'sessions'::regclass AND mode = 'RowExclusiveLock'"
        assert await database.fetchval(written) == 0
        await counting.execute("COMMIT")
        await delivering
    finally:
        await counting.close()
    assert await database.fetchval("SELECT count(*) FROM sessions") == 2


async def until_waiting(database: "Database", count: int) -> None:
    """Return once so many transactions wait for another one."""
    await eventually(
        lambda: database.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ),
        lambda waiting: waiting == count,
    )
