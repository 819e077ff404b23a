"""What a page of activities costs does not grow with what its person has done, nor with the business."""

from itertools import product
from typing import TYPE_CHECKING

import pytest

from common.clock import now
from tests.support.tracking_service.plans import plan_of, scans_of
from tracking_service.postgres.pages import BACKWARDS, FORWARDS
from tracking_service.profiles.queries import QUERIES

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

DONE = 4_000
PAGE = 26
# One person's clicks and events, one of each a second, and as many of somebody else's. No statistics.
FILL = """
    WITH done AS (
        SELECT n, person, gen_random_uuid() AS id, $2::timestamptz - n * interval '1 second' AS at
        FROM generate_series(1, $1) AS n, generate_series(1, 2) AS person
    ), clicked AS (
        INSERT INTO sessions (business_id, id, profile_key, click_id, clicked_at, link, created_at, origin, firsts)
        SELECT 'shop', person || '-' || n, person, id, at, 'link', at, '["human"]', (n % 2)::smallint FROM done
    )
    INSERT INTO activities (business_id, id, received_at, occurred_at, profile_key, action)
    SELECT 'shop', gen_random_uuid(), at, at, person, 'product.viewed' FROM done
"""


@pytest.mark.usefixtures("business")
async def test_a_page_is_read_by_an_index_scan_of_each_of_its_sources(database: "Database") -> None:
    """Forwards from the newest, forwards and backwards from the middle: never more than a page of either."""
    await database.execute("ALTER TABLE activities SET (autovacuum_enabled = off)")
    await database.execute("ALTER TABLE sessions SET (autovacuum_enabled = off)")
    at = now()
    await database.execute(FILL, DONE, at)
    middle = await database.fetchrow("SELECT clicked_at, click_id FROM sessions WHERE id = '1-2000'")
    assert middle is not None
    for slots, with_programs in product((FORWARDS, BACKWARDS), (True, False)):
        query = QUERIES.list_activities.format_map(slots)
        plan = await plan_of(database, query, "shop", 1, *middle, PAGE, with_programs, most_rows=2 * PAGE)
        assert plan["Actual Rows"] == PAGE
        assert scans_of(plan) == ["Index Scan"] * 2
