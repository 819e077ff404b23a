"""What the lists beside a report cost does not grow with its campaign, also before there are statistics."""

from typing import TYPE_CHECKING

import pytest_asyncio

from common.clock import now
from tests.support.tracking_service.plans import plan_of
from tracking_service.reports.page_store import LATEST
from tracking_service.reports.queries import QUERIES

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

PEOPLE = 1_000
CLICKS_EACH = 4
PAGE = 25
WITHOUT_PROGRAMS = False
# A campaign, each of whose recipients has clicked some times.
FILL = """
    WITH people AS (
        INSERT INTO recipients (business_id, scope, scope_id, profile_key)
        SELECT 'shop', 'campaign', 'spring', person FROM generate_series(1, $1) AS person
    ), addressed AS (
        INSERT INTO links (business_id, id, template, campaign, profile_key, revision, link, created_at)
        SELECT 'shop', 'l' || person, 't1', 'spring', person, 1, '', $3 FROM generate_series(1, $1) AS person
    )
    INSERT INTO sessions (business_id, id, profile_key, click_id, clicked_at, link, campaign, created_at, origin)
    SELECT 'shop', person || '-' || n, person, gen_random_uuid(), $3::timestamptz - n * interval '1 second',
           'l' || person, 'spring', $3, '["human"]'
    FROM generate_series(1, $1) AS person, generate_series(1, $2) AS n
"""


@pytest_asyncio.fixture
async def campaign(database: "Database") -> str:
    """Fill a campaign, and return its name; nobody counts how many rows that makes."""
    for table in ("recipients", "links", "sessions"):
        await database.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    await database.execute(FILL, PEOPLE, CLICKS_EACH, now())
    return "spring"


async def test_a_piece_of_recipients_reads_their_clicks_alone(database: "Database", campaign: str) -> None:
    """Those of the people in it, whatever the others have clicked."""
    query = QUERIES.list_recipients
    plan = await plan_of(database, query, "shop", "campaign", campaign, 500, PAGE, most_rows=PAGE * CLICKS_EACH)
    assert plan["Actual Rows"] == PAGE


async def test_the_latest_of_a_journey_pass_by_a_campaign_of_its_name(database: "Database", campaign: str) -> None:
    """Nothing is read of the campaign, however much happened there."""
    plan = await plan_of(database, LATEST["journey"], "shop", campaign, PAGE, WITHOUT_PROGRAMS, most_rows=0)
    assert plan["Actual Rows"] == 0
