"""Loads clicks by COPY where delivering them would take hours; all that follows from them is counted by the product."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from clicktrail.tracking.v1 import click_pb2
from common.clock import from_timestamp
from tracking_service.actions.catalogue import CLICKED
from tracking_service.clicks.origins import Origins
from tracking_service.clicks.servicer import VERDICTS
from tracking_service.counters.breakdowns import Origin
from tracking_service.postgres.pool import SERVER_SETTINGS
from tracking_service.reconciliation.queries import QUERIES

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

_PIECE = 100_000
_SECONDS = 3600.0
# Sorting and hashing in memory rather than on disk, for our one connection; the rest as the service has it.
_SETTINGS = SERVER_SETTINGS | {
    "work_mem": "256MB", "maintenance_work_mem": "1GB", "synchronous_commit": "off", "statement_timeout": "1h"
}  # fmt: skip
_COLUMNS = (
    "business_id", "clicked_at", "id", "link", "template", "campaign", "journey", "message", "profile_key", "session",
    "link_created_at", "verdict", "verdict_reason", "rules_version", "host", "query", "address", "user_agent",
    "referrer", "accept_language", "source", "device", "browser", "os", "country", "language", "referring_host",
    "is_scan",
)  # fmt: skip
# What keeping clicks writes beside them, of sessions that nobody knew before. A crawler on a shared link is nobody.
_SESSIONS = """
    INSERT INTO sessions (
        business_id, id, profile_key, click_id, clicked_at, link_created_at, link, campaign, journey, message,
        is_clicked_by_recipient, created_at, origin)
    SELECT business_id, session, profile_key, id, clicked_at, link_created_at, link, campaign, journey, message,
           profile_key IS NOT NULL, clicked_at,
           json_build_array(verdict, template, device, browser, os, country, language,
                            CASE WHEN is_scan THEN 'qr+' ELSE '' END || referring_host)::text
    FROM clicks
    WHERE business_id = $1 AND verdict = 'human' AND session IS NOT NULL
    ORDER BY session
"""
_ACTIVITIES = """
    INSERT INTO activities (
        business_id, id, received_at, occurred_at, profile_key, session, action, link, campaign, journey, message,
        verdict, device, browser, os, country, source)
    SELECT business_id, id, clicked_at, clicked_at, profile_key, session, $2, link, campaign, journey, message, verdict,
           device, browser, os, country, source
    FROM clicks
    WHERE business_id = $1 AND (verdict <> 'human' OR session IS NULL)
      AND (profile_key IS NOT NULL OR session IS NOT NULL)
    ORDER BY id
"""
# Where clicks are the first ones, by the recount. Here people click links of their own alone, so that theirs are first
# on those too (32).
_FIRSTS = f"""
    WITH {QUERIES.visits}, recounted AS ({QUERIES.recount_first_clicks})
    UPDATE sessions s
    SET firsts = CASE WHEN s.is_clicked_by_recipient THEN 33 ELSE 1 END * f.bits
    FROM (
        SELECT click_id, sum(bit) AS bits
        FROM recounted
        JOIN (VALUES ('business', 1), ('campaign', 2), ('journey', 4), ('message', 8), ('link', 16))
            AS bits (scope, bit) USING (scope)
        GROUP BY click_id
    ) AS f
    WHERE s.business_id = $1 AND s.click_id = f.click_id
"""  # noqa: S608  (the product's own queries)
# What the recounts give, put where it belongs: a recipient's link has its figures by where its hits came from.
_COUNTS = f"""
    WITH {QUERIES.visits}, clicked AS ({QUERIES.recount_clicks}), broken_down AS ({QUERIES.recount_breakdowns}),
    of_links AS (
        INSERT INTO link_counts
        SELECT $1, scope_id, bucket, value, CASE WHEN is_human THEN b.clicks ELSE 0 END, b.unique_clickers,
               CASE WHEN is_human THEN 0 ELSE b.clicks END, CASE WHEN is_human THEN b.clicks ELSE 0 END,
               c.seconds_to_click * b.unique_clickers, b.unique_clickers
        FROM broken_down b
        JOIN clicked c USING (scope, scope_id, bucket)
        CROSS JOIN LATERAL (SELECT value::json ->> 0 = 'human') AS said (is_human)
        WHERE dimension = 'packed'
    ), of_values AS (
        INSERT INTO breakdown_counts
        SELECT $1, scope, scope_id, bucket, dimension, value, clicks, unique_clickers
        FROM broken_down
        WHERE dimension <> 'packed'
    )
    INSERT INTO click_counts (
        business_id, scope, scope_id, bucket, clicks, unique_clickers, bot_hits, sessions, seconds_to_click,
        clicked_recipients)
    SELECT $1, scope, scope_id, bucket, clicks, unique_clickers, bot_hits, sessions, seconds_to_click,
           clicked_recipients
    FROM clicked
    LEFT JOIN links l ON scope = 'link' AND l.business_id = $1 AND l.id = scope_id
    WHERE l.profile_key IS NULL
"""  # noqa: S608  (the product's own queries)
_INDEXES = """
    SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = ANY (ARRAY['sessions', 'activities']::regclass[]) AND NOT i.indisunique
"""


async def load_clicks(url: str, business_id: str, clicks: Iterable[click_pb2.Click], origins: Origins) -> None:
    """Load a business's clicks, all that it has; their links were delivered before, which made their recipients."""
    connection = await asyncpg.connect(url, server_settings=_SETTINGS, command_timeout=_SECONDS)
    try:
        profiles = await connection.fetch("SELECT id, profile_key FROM profiles WHERE business_id = $1", business_id)
        rows = _rows(clicks, origins, {row["id"]: row["profile_key"] for row in profiles})
        while piece := list(islice(rows, _PIECE)):
            await _copy(connection, piece)
        async with _without_indexes(connection):
            await connection.execute(_SESSIONS, business_id)
            await connection.execute(_ACTIVITIES, business_id, CLICKED)
            await connection.execute(_FIRSTS, business_id)
        await connection.execute(_COUNTS, business_id)
    finally:
        await connection.close()


def _rows(clicks: Iterable[click_pb2.Click], origins: Origins, keys: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    known: dict[tuple[str, ...], Origin] = {}
    for click in clicks:
        kind = click.template, click.address, click.user_agent, click.referrer, click.accept_language, click.source
        origin = known.get(kind) or known.setdefault(kind, origins.derived(click))
        yield _row(click, origin, keys.get(click.profile))


def _row(click: click_pb2.Click, origin: Origin, profile_key: int | None) -> tuple[Any, ...]:
    return (
        click.business_id, from_timestamp(click.clicked_at), UUID(bytes=click.id), click.link, click.template,
        click.campaign or None, click.journey or None, click.message or None, profile_key, click.session or None,
        from_timestamp(click.link_created_at), VERDICTS[click.verdict], click.verdict_reason, click.rules_version,
        click.host, click.query, click.address, click.user_agent, click.referrer, click.accept_language, click.source,
        origin.device, origin.browser, origin.os, origin.country, origin.language, origin.referrer,
        origin.is_scan,
    )  # fmt: skip


async def _copy(connection: "Database", rows: list[tuple[Any, ...]]) -> None:
    """Copy rows, into partitions that are there."""
    times = [row[1] for row in rows]
    await connection.execute("SELECT make_partitions('clicks', 'clicked_at', $1, $2)", min(times), max(times))
    await connection.copy_records_to_table("clicks", records=rows, columns=_COLUMNS)


@asynccontextmanager
async def _without_indexes(connection: "Database") -> AsyncIterator[None]:
    """Drop the indexes that keep nothing unique, and make them again in the end."""
    indexes = await connection.fetch(_INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    for index in indexes:
        await connection.execute(index["definition"])
