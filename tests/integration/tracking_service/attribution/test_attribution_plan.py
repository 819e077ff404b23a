"""What it costs to decide on a mark does not grow with the business, also where nothing is known of the tables yet."""

from typing import TYPE_CHECKING

import pytest

from common.clock import now
from tests.support.tracking_service.plans import plan_of
from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.credits import ORDER_ACTIONS, PURCHASE
from tracking_service.attribution.queries import QUERIES

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

EVENTS = 4_000
MARKS = 40
# A business with orders of two references, one a session and person. No statistics: they are gathered by nobody here.
FILL = """
    WITH numbered AS (
        SELECT n, gen_random_uuid() AS event_id, gen_random_uuid() AS order_id, $2::timestamptz AS at
        FROM generate_series(1, $1) AS n
    ), of_events AS (
        INSERT INTO events (business_id, received_at, id, action, session, credential, occurred_at, object_id,
                            amount_minor, currency, address, user_agent)
        SELECT 'shop', at, event_id, 'order.placed', 'session-' || n, 'private', at, order_id, 100, 'USD', '', ''
        FROM numbered
    ), of_orders AS (
        INSERT INTO order_actions (business_id, object_id, action, is_private, event_id, received_at)
        SELECT 'shop', order_id, 'order.placed', true, event_id, at FROM numbered
    ), of_references AS (
        INSERT INTO object_aliases (business_id, alias_id, object_id, received_at)
        SELECT 'shop', alias_id, order_id, at
        FROM numbered CROSS JOIN LATERAL (VALUES (order_id), (gen_random_uuid())) AS names (alias_id)
    )
    INSERT INTO activities (business_id, id, received_at, occurred_at, profile_key, session, action)
    SELECT 'shop', event_id, at, at, n, 'session-' || n, 'order.placed' FROM numbered
"""


@pytest.mark.usefixtures("business")
async def test_a_mark_costs_what_its_visitor_has_done(database: "Database") -> None:
    """No step of the plan visits more rows than the marks' own visitors have, in a business of thousands of others."""
    await database.execute("ALTER TABLE activities SET (autovacuum_enabled = off)")
    await database.execute(FILL, EVENTS, now())
    sessions = [f"session-{number}" for number in range(1, MARKS + 1)]
    arguments = (["shop"] * MARKS, sessions, list(range(1, MARKS + 1)), [None] * MARKS)
    concerned = await plan_of(database, QUERIES.find_concerned, *arguments, CLICKED, most_rows=2 * MARKS)
    assert concerned["Actual Rows"] == MARKS
    found = await database.fetch(QUERIES.find_concerned, *arguments, CLICKED)
    places = zip(*map(tuple, found), strict=True)
    events = await plan_of(database, QUERIES.find_events, *places, list(ORDER_ACTIONS), PURCHASE, most_rows=2 * MARKS)
    assert events["Actual Rows"] == MARKS
