"""What it costs to find whose an order is does not grow with the business, also where there are no statistics."""

from typing import TYPE_CHECKING

import pytest

from common.clock import now
from tests.support.tracking_service.plans import plan_of
from tracking_service.profiles.queries import QUERIES as PROFILES
from tracking_service.reassignment.queries import QUERIES
from tracking_service.sessions.queries import QUERIES as SESSIONS

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

ORDERS = 4_000
FEW = 20
# A business with orders, each of a customer and in a session of its own, and of tokens that are bound. No statistics.
FILL = """
    WITH numbered AS (
        SELECT n, gen_random_uuid() AS id, '_order-' || n AS own, 'session-' || n AS session,
               sha256(n::text::bytea) AS token, $2::timestamptz AS at
        FROM generate_series(1, $1) AS n
    ), of_profiles AS (
        INSERT INTO profiles (business_id, id, email, phone, is_page, created_at)
        SELECT 'shop', n, n || '@example.com', '+59899' || lpad(n::text, 6, '0'), n % 2 = 0, at FROM numbered
    ), of_identities AS (
        INSERT INTO identities (business_id, source, user_id, profile_key, basis, created_at)
        SELECT 'shop', 'shopify', n, n, 'named', at FROM numbered
    ), of_attributes AS (
        INSERT INTO identity_attributes (business_id, source, user_id, attribute, is_proved, value, said_at)
        SELECT 'shop', 'shopify', n, 'email', true, n || '@example.com', at FROM numbered
    ), of_sessions AS (
        INSERT INTO sessions (business_id, id, profile_key, created_at)
        SELECT 'shop', unnest(ARRAY[own, session]), n, at FROM numbered
    ), of_evidence AS (
        INSERT INTO identity_evidence (business_id, session, source, user_id, strength, said_at)
        SELECT 'shop', own, 'shopify', n, 'platform', at FROM numbered
    ), of_orders AS (
        INSERT INTO told_orders (business_id, order_session, session, contact_at)
        SELECT 'shop', own, session, at FROM numbered
    ), of_order_events AS (
        INSERT INTO told_order_events (business_id, order_session, event_id, received_at)
        SELECT 'shop', own, id, at FROM numbered
    ), of_clues AS (
        INSERT INTO order_clues (business_id, order_session, session, token_hash, rank, said_at)
        SELECT 'shop', own, '', token, 100, at FROM numbered
    ), of_bindings AS (
        INSERT INTO token_bindings (business_id, token_hash, session, bound_at)
        SELECT 'shop', token, session, at FROM numbered
    ), of_events AS (
        INSERT INTO events (business_id, received_at, id, action, session, credential, occurred_at, address, user_agent)
        SELECT 'shop', at, id, 'order.placed', session, 'private', at, '', '' FROM numbered
    )
    INSERT INTO activities (business_id, id, received_at, occurred_at, profile_key, session, action)
    SELECT 'shop', id, at, at, n, session, 'order.placed' FROM numbered
"""


@pytest.mark.parametrize("has_statistics", [False, True])
async def test_an_order_costs_what_is_told_of_it(database: "Database", *, has_statistics: bool) -> None:
    """No step of a plan visits more rows than the orders asked for have."""
    await database.execute("ALTER TABLE activities SET (autovacuum_enabled = off)")
    await database.execute(FILL, ORDERS, now())
    if has_statistics:
        await database.execute("ANALYZE")
    own = [f"_order-{number}" for number in range(1, FEW + 1)]
    sessions = [f"session-{number}" for number in range(FEW + 1, 2 * FEW + 1)]
    persons = list(range(2 * FEW + 1, 3 * FEW + 1))
    told = await plan_of(database, QUERIES.find_told_orders, "shop", own + sessions, persons, most_rows=8 * FEW)
    assert told["Actual Rows"] == 3 * FEW
    places = await plan_of(database, SESSIONS.find_order_places, ["shop"] * FEW, own, most_rows=2 * FEW)
    assert places["Actual Rows"] == FEW
    given = (own, [9_999] * FEW, [True] * FEW)
    assert (await plan_of(database, QUERIES.give_orders, "shop", *given, most_rows=FEW**2))["Actual Rows"] == FEW
    move = ("shop", "_order-7", "session-7", "session-8")
    assert (await plan_of(database, SESSIONS.move_order, *move, most_rows=10))["Actual Rows"] == 1
    await plan_of(database, SESSIONS.move_order_evidence, *move, most_rows=10)
    token = await database.fetchval("SELECT token_hash FROM order_clues WHERE order_session = '_order-7'")
    await plan_of(database, SESSIONS.find_waiting_orders, "shop", token, most_rows=2)


@pytest.mark.parametrize("has_statistics", [False, True])
async def test_a_guest_is_found_by_index(database: "Database", *, has_statistics: bool) -> None:
    """Among all profiles of the business."""
    await database.execute(FILL, ORDERS, now())
    if has_statistics:
        await database.execute("ANALYZE")
    found = await plan_of(database, PROFILES.find_by_contact, "shop", "8@example.com", "9000007", most_rows=10)
    assert found["Actual Rows"] == 2
