"""Counters are what a recount of the raw rows gives, whatever the order of deliveries and however often they come."""

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from grpc import aio

from clicktrail.tracking.v1 import click_pb2, relay_service_pb2_grpc
from tests.support.tracking_service.clicking import click, delivery, link

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

Scoped = """
    WITH visits AS (
        SELECT c.*, date_bin('15 minutes', c.clicked_at, '2000-01-01Z') AS bucket,
               coalesce('p' || coalesce(c.profile_key, s.profile_key), 's' || c.session) AS visitor
        FROM clicks c LEFT JOIN sessions s ON s.business_id = c.business_id AND s.id = c.session
    ), scoped AS (
        SELECT v.*, scope, scope_id
        FROM visits v, LATERAL (VALUES ('business', ''), ('campaign', v.campaign), ('journey', v.journey),
            ('message', v.message), ('link', v.link)) AS scopes (scope, scope_id)
        WHERE scope_id IS NOT NULL
    ), firsts AS (
        SELECT DISTINCT ON (business_id, scope, scope_id, visitor) business_id, scope, scope_id, bucket, id
        FROM scoped WHERE verdict = 'human'
        ORDER BY business_id, scope, scope_id, visitor, clicked_at, id
    )
"""
COUNTS = """
    SELECT business_id, scope, scope_id, bucket, count(*) FILTER (WHERE verdict = 'human') AS clicks,
           (SELECT count(*) FROM firsts f WHERE (f.business_id, f.scope, f.scope_id, f.bucket)
                = (s.business_id, s.scope, s.scope_id, s.bucket)) AS unique_clickers,
           count(*) FILTER (WHERE verdict <> 'human') AS bot_hits, count(session) AS sessions
    FROM scoped s GROUP BY business_id, scope, scope_id, bucket
"""
BREAKDOWNS = """
    SELECT s.business_id, s.scope, s.scope_id, s.bucket, 'verdict', verdict, count(*), count(f.id)
    FROM scoped s LEFT JOIN firsts f
        ON (f.business_id, f.scope, f.scope_id, f.id) = (s.business_id, s.scope, s.scope_id, s.id)
    WHERE s.scope <> 'link' GROUP BY s.business_id, s.scope, s.scope_id, s.bucket, verdict
"""
# What a report by cohort adds up, and links' own values, are recounted by the service itself.
COUNTED_CLICKS = """
    SELECT business_id, scope, scope_id, bucket, clicks, unique_clickers, bot_hits, sessions FROM all_click_counts
    WHERE scope NOT LIKE '% cohort'
"""
COUNTED_VERDICTS = """
    SELECT business_id, scope, scope_id, bucket, dimension, value, clicks, unique_clickers FROM breakdown_counts
    WHERE scope IN ('business', 'campaign', 'journey', 'message') AND dimension = 'verdict'
"""
VERDICTS = [click_pb2.VERDICT_HUMAN] * 4 + [click_pb2.VERDICT_BOT, click_pb2.VERDICT_PREVIEW]


def random_click(rng: random.Random, number: int) -> click_pb2.Click:
    """Return a click of any kind within a few hours."""
    recipient = rng.choice(["", "", "ann", "bob", "cid"])
    place = rng.choice([{"campaign": "spring"}, {"campaign": "", "journey": "welcome"}, {"campaign": ""}])
    return click(
        rng.randrange(0, 400),
        seed=number,
        verdict=rng.choice(VERDICTS),
        profile=recipient,
        link=f"l-{recipient or rng.choice('xy')}",
        message=rng.choice(["", "m1", "m2"]),
        **place,
    )


async def differences(database: "Database", recount: str, table: str) -> list[str]:
    """Return the rows that only a recount or only a table of counters has."""
    counted = f"({table})"
    query = f"{Scoped}, recounted AS ({recount}) (SELECT * FROM recounted EXCEPT {counted})"  # noqa: S608  (ours)
    missing = await database.fetch(query)
    extra = await database.fetch(f"{Scoped}, recounted AS ({recount}) ({counted} EXCEPT SELECT * FROM recounted)")  # noqa: S608  (ours)
    return [f"{kind}: {tuple(row)}" for kind, rows in (("missing", missing), ("extra", extra)) for row in rows]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_recount_finds_no_difference(channel: aio.Channel, database: "Database", seed: int) -> None:
    """A random mix, cut at random, shuffled, delivered twice, four at a time; some sessions have an owner before."""
    rng = random.Random(seed)  # noqa: S311  (the same mix each time)
    relay = relay_service_pb2_grpc.RelayServiceStub(channel)
    clicks = [random_click(rng, number) for number in range(300)]
    await relay.Deliver(delivery(links=[link(f"o{number}", profile="dora") for number in range(3)]), timeout=120)
    dora = await database.fetchval("SELECT profile_key FROM profiles WHERE id = 'dora'")
    await database.executemany(
        "INSERT INTO sessions (business_id, id, profile_key, created_at) VALUES ('shop', $1, $2, now())",
        [(each.session, dora) for each in clicks[:60] if each.session],
    )
    pieces = []
    for _ in range(2):
        rng.shuffle(clicks)
        cuts = sorted(rng.sample(range(1, len(clicks)), 15))
        pieces += [clicks[start:end] for start, end in zip([0, *cuts], [*cuts, len(clicks)], strict=True)]
    rng.shuffle(pieces)
    slots = asyncio.Semaphore(4)

    async def deliver(piece: list[click_pb2.Click]) -> int:
        async with slots:
            return int((await relay.Deliver(delivery(*piece), timeout=120)).new_clicks)

    new = await asyncio.gather(*map(deliver, pieces))
    assert sum(new) == len({(each.id, each.clicked_at.seconds) for each in clicks})
    assert await differences(database, COUNTS, COUNTED_CLICKS) == []
    assert await differences(database, BREAKDOWNS, COUNTED_VERDICTS) == []
