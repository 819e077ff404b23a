"""A click and an event of the same person that are written at once find each other, whoever commits first."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio
from grpc import aio

from tests.integration.tracking_service.postgres.test_contention import until_waiting
from tests.support.tracking_service.calling import Caller
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.events import order, submission, track
from tests.support.waiting import eventually

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

GATE = "a-session-that-holds-them-up"


@pytest_asyncio.fixture
async def gate(postgres_url: str) -> AsyncIterator["Database"]:
    """Hold up, until it rolls back, whoever writes the session."""
    other = await asyncpg.connect(postgres_url)
    await other.execute("BEGIN")
    await other.execute("INSERT INTO sessions (business_id, id, created_at) VALUES ('shop', $1, now())", GATE)
    yield other
    await other.close()


async def ordered(database: "Database") -> int:
    """Return how many orders the campaign has, once nobody is left to be decided on."""
    await eventually(lambda: database.fetchval("SELECT count(*) FROM dirty_visitors"), lambda marks: marks == 0)
    query = "SELECT coalesce(sum(events), 0)::int FROM event_counts WHERE scope = 'campaign'"
    return int(await database.fetchval(query))


async def test_an_event_that_is_open_finds_the_click(
    channel: aio.Channel, database: "Database", gate: "Database"
) -> None:
    """Though nothing of it was seen when the click's mark was looked into."""
    caller = Caller(channel)
    await caller.deliver(links=[link("l", profile="ann")])
    sent = submission(order(session=GATE, profile="ann", amount="10"))
    tracking = asyncio.create_task(track(caller.events, sent))
    await until_waiting(database, 1)
    await caller.deliver(click(0, profile="ann", link="l"))
    assert await ordered(database) == 0
    await gate.execute("ROLLBACK")
    await tracking
    assert await ordered(database) == 1


async def test_a_click_that_is_open_is_found_by_the_event(
    channel: aio.Channel, database: "Database", gate: "Database"
) -> None:
    """Though it was not seen when the event was decided on."""
    caller = Caller(channel)
    await caller.deliver(links=[link("l", profile="ann")])
    clicks = click(0, profile="ann", link="l"), click(1, session=GATE)
    delivering = asyncio.create_task(caller.deliver(*clicks))
    await until_waiting(database, 1)
    await track(caller.events, submission(order(session=None, profile="ann", amount="10")))
    assert await ordered(database) == 0
    await gate.execute("ROLLBACK")
    await delivering
    assert await ordered(database) == 1
