"""Looks into both stores from outside, past every service: the other side of the ledger."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from redis.asyncio import Redis

from clicktrail.tracking.v1 import relay_service_pb2
from tests.faults.chain import Chain
from tests.faults.record import Record
from tests.support.waiting import eventually

if TYPE_CHECKING:
    Row = asyncpg.Record
    Database = asyncpg.Connection[asyncpg.Record]

DRAIN_SECONDS = 600.0
QUERY_SECONDS = 300.0
CLICKS = """
    SELECT id, clicked_at, link, campaign, journey, message, profile_key, session, verdict,
           link_created_at
    FROM clicks WHERE business_id = $1
"""
SESSIONS = "SELECT id, profile_key, click_id FROM sessions WHERE business_id = $1"
EVENTS = """
    SELECT id, action, session, profile_key, occurred_at, amount_minor, currency, metadata->>'key' AS key
    FROM events WHERE business_id = $1
"""
# Whatever is kept, once and in sum: what is sent again must change none of it.
SIZES = """
    SELECT (SELECT count(*) FROM clicks), (SELECT count(*) FROM events), (SELECT count(*) FROM event_keys),
           (SELECT count(*) FROM activities), (SELECT count(*) FROM credits), (SELECT count(*) FROM order_actions),
           (SELECT count(*) FROM rejected), (SELECT sum(clicks) FROM all_click_counts),
           (SELECT sum(events) FROM event_counts), (SELECT sum(revenue) FROM event_counts)
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a business, as they were at one moment."""

    clicks: "list[Row]"
    sessions: "list[Row]"
    events: "list[Row]"
    click_counts: "list[Row]"
    breakdown_counts: "list[Row]"
    event_counts: "list[Row]"
    marks: int
    rejected: "list[Row]"


class Stores:
    """Both stores of a chain."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def drain(self, record: Record) -> None:
        """Wait until nothing is under way any more: not in the outbox, not in a spool, nobody to be decided again."""

        async def left() -> dict[str, int]:
            unstored = record.acknowledged.keys() - await self.stored_keys()
            return {"outbox": await self.outbox_length(), "marks": await self._marks(), "spooled": len(unstored)}

        await eventually(left, lambda seen: not any(seen.values()), limit_seconds=DRAIN_SECONDS)

    async def stored_keys(self) -> set[str]:
        """Return the keys of all events."""
        return {row[0] for row in await self.fetch("SELECT metadata->>'key' FROM events")}

    async def sizes(self) -> tuple[object, ...]:
        """Return how much of everything there is."""
        (row,) = await self.fetch(SIZES)
        return tuple(row)

    async def rows(self, business_id: str, tampering: str = "SELECT", *values: object) -> Rows:
        """Return all rows of a business, in one snapshot; as they would be after tampering, which is undone."""
        database = await self._connect()
        snapshot = database.transaction(isolation="repeatable_read")
        await snapshot.start()
        try:
            await database.execute(tampering, *values)
            return Rows(
                clicks=await database.fetch(CLICKS, business_id),
                sessions=await database.fetch(SESSIONS, business_id),
                events=await database.fetch(EVENTS, business_id),
                click_counts=await _table(database, "all_click_counts", business_id),
                breakdown_counts=await _table(database, "all_breakdown_counts", business_id),
                event_counts=await _table(database, "event_counts", business_id),
                marks=await database.fetchval("SELECT count(*) FROM dirty_visitors"),
                rejected=await database.fetch("SELECT kind, item, reason FROM rejected"),
            )
        finally:
            await snapshot.rollback()
            await database.close()

    async def outbox_length(self) -> int:
        """Return how many entries wait in the outbox."""
        async with Redis.from_url(self._chain.stack.redis.url) as redis:
            return sum([await redis.xlen(key) async for key in redis.scan_iter("*:outbox")])

    async def clicks_in_outbox(self) -> int:
        """Return how many clicks wait there."""
        async with Redis.from_url(self._chain.stack.redis.url) as redis:
            entries: list[Any] = []
            async for key in redis.scan_iter("*:outbox"):
                entries += await redis.xrange(key) or []
        return sum(len(relay_service_pb2.DeliverRequest.FromString(fields[b"d"]).clicks) for _, fields in entries)

    async def _marks(self) -> int:
        ((count,),) = await self.fetch("SELECT count(*) FROM dirty_visitors")
        return int(count)

    async def fetch(self, query: str, *values: object) -> "list[Row]":
        """Return rows."""
        database = await self._connect()
        try:
            return await database.fetch(query, *values)
        finally:
            await database.close()

    async def _connect(self) -> "Database":
        return await asyncpg.connect(self._chain.stack.postgres.url, timeout=60, command_timeout=QUERY_SECONDS)


async def _table(database: "Database", name: str, business_id: str) -> "list[Row]":
    return await database.fetch(f"SELECT * FROM {name} WHERE business_id = $1", business_id)  # noqa: S608  (our own tables)
