"""Plain events are kept by one statement: whoever meets them there meets all that it says of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from common.ids import new_uuid7
from tests.integration.tracking_service.postgres.test_contention import until_waiting
from tests.support.tracking_service.calling import Caller
from tests.support.tracking_service.events import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    RECEIVED_AT,
    SESSION,
    event,
    submission,
    track,
)

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

PRODUCT = {"reference": "42", "source": "shopify"}


@pytest_asyncio.fixture
async def other(postgres_url: str) -> AsyncIterator["Database"]:
    """Return another connection, in a transaction."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("BEGIN")
    yield connection
    await connection.close()


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_is_said_stays_where_the_person_is_newer_than_the_event(
    caller: Caller, database: "Database", other: "Database", *, is_known: bool
) -> None:
    """Who came to be while the event waited for its session is there, though the event began before: not erased."""
    kept = "INSERT INTO sessions (business_id, id, profile_key, created_at) VALUES ('shop', $1, $2, now())"
    if is_known:
        await database.execute(kept, SESSION, None)
    profile_key = await other.fetchval(
        "INSERT INTO profiles (business_id, id, created_at) VALUES ('shop', 'ann', now()) RETURNING profile_key"
    )
    if is_known:
        await other.execute("UPDATE sessions SET profile_key = $1", profile_key)
    else:
        await other.execute(kept, SESSION, profile_key)
    tracking = asyncio.create_task(caller.track(event(page={"url": "https://shop.example.com/"}, metadata={"size": 7})))
    await until_waiting(database, 1)
    await other.execute("COMMIT")
    assert (await tracking).status == ACCEPTED
    (row,) = await database.fetch("SELECT url, metadata::text AS metadata, profile_key FROM activities")
    assert tuple(row) == ("https://shop.example.com/", '{"size": 7}', profile_key)


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_session_that_somebody_takes_meanwhile_is_that_persons(
    caller: Caller, database: "Database", other: "Database", *, is_known: bool
) -> None:
    """Whether it was known before or is only being made: what was seen first is looked at again."""
    kept = "INSERT INTO sessions (business_id, id, profile_key, created_at) VALUES ('shop', $1, $2, now())"
    profile_key = await database.fetchval(
        "INSERT INTO profiles (business_id, id, created_at) VALUES ('shop', 'ann', now()) RETURNING profile_key"
    )
    if is_known:
        await database.execute(kept, SESSION, None)
        await other.execute("UPDATE sessions SET profile_key = $1", profile_key)
    else:
        await other.execute(kept, SESSION, profile_key)
    tracking = asyncio.create_task(caller.track(event()))
    await until_waiting(database, 1)
    await other.execute("COMMIT")
    assert (await tracking).status == ACCEPTED
    assert await database.fetchval("SELECT profile_key FROM activities") == profile_key
    assert await database.fetchval("SELECT count(*) FROM sessions") == 1


async def test_only_those_with_a_new_id_are_kept(caller: Caller, database: "Database") -> None:
    """In one batch, each with a receipt of its own; a session that only a refused one names is not made."""
    first = await caller.track(event(), key="one")
    batch = [
        submission(event("cart.viewed")),
        submission(event(), key="one"),
        submission(event(session="a-session-in-vain"), key="one"),
        submission(event("product.viewed", object_parameters=PRODUCT), key="two"),
    ]
    receipts = await track(caller.events, *batch)
    assert [receipt.status for receipt in receipts] == [ACCEPTED, DUPLICATE, CONFLICT, ACCEPTED]
    assert receipts[1].id == first.id
    for table in ("event_keys", "events", "activities"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 3  # noqa: S608  (our own names)
    assert await database.fetchval("SELECT array_agg(id) FROM sessions") == [SESSION]
    assert await database.fetchval("SELECT count(*) FROM objects") == 1


async def test_businesses_may_use_the_same_id(caller: Caller, database: "Database") -> None:
    """Also at once: an event is one business's."""
    await database.execute("INSERT INTO businesses (id, name, created_at) VALUES ('store', 'A store', now())")
    id_ = new_uuid7(RECEIVED_AT).bytes
    await track(caller.events, submission(event(), id=id_))
    both = [submission(event(), id=id_), submission(event(), id=id_, business_id="store")]
    assert [receipt.status for receipt in await track(caller.events, *both)] == [DUPLICATE, ACCEPTED]
    kept = await database.fetch("SELECT business_id FROM events ORDER BY business_id")
    assert [row["business_id"] for row in kept] == ["shop", "store"]


async def test_a_business_that_comes_after_its_events_is_found(caller: Caller, database: "Database") -> None:
    """That there is none is not remembered."""
    sent = submission(event(), business_id="store")
    assert not (await track(caller.events, sent))[0].id
    await database.execute("INSERT INTO businesses (id, name, created_at) VALUES ('store', 'A store', now())")
    assert (await track(caller.events, sent))[0].status == ACCEPTED
