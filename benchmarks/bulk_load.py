"""Loads clicks by COPY where delivering them would take hours; all that follows from them is counted by the product."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from clicktrail.tracking.v1 import click_pb2
from common.clock import from_timestamp
from tracking_service.catalogue import CLICKED
from tracking_service.click_origins import Origin, Origins
from tracking_service.postgres import SERVER_SETTINGS
from tracking_service.postgres_recount_counters import COUNTERS, Counter
from tracking_service.relay_servicer import VERDICTS

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
)  # fmt: skip
# What keeping clicks writes beside them, of sessions that nobody knew before. A crawler on a shared link is nobody.
_SESSIONS = """
    INSERT INTO sessions (
        business_id, id, profile_key, click_id, clicked_at, link_created_at, link, campaign, journey, message,
        is_clicked_by_recipient, created_at)
    SELECT business_id, session, profile_key, id, clicked_at, link_created_at, link, campaign, journey, message,
           profile_key IS NOT NULL, clicked_at
    FROM clicks
    WHERE business_id = $1 AND verdict = 'human' AND session IS NOT NULL
    ORDER BY session
"""
_ACTIVITIES = """
    INSERT INTO activities (
        business_id, id, received_at, occurred_at, profile_key, session, action, link, campaign, journey, message,
        verdict, device, browser, os, country)
    SELECT business_id, id, clicked_at, clicked_at, profile_key, session, $2, link, campaign, journey, message, verdict,
           device, browser, os, country
    FROM clicks
    WHERE business_id = $1 AND (profile_key IS NOT NULL OR session IS NOT NULL)
    ORDER BY id
"""
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
        for table, counters in groupby((each for each in COUNTERS if each.after), lambda each: each.table):
            await connection.execute(_filling(table, list(counters)), business_id)
    finally:
        await connection.close()


def _rows(clicks: Iterable[click_pb2.Click], origins: Origins, keys: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    known: dict[tuple[str, ...], Origin] = {}
    for click in clicks:
        kind = click.template, click.address, click.user_agent, click.referrer, click.accept_language
        origin = known.get(kind) or known.setdefault(kind, origins.of(click))
        yield _row(click, origin, keys.get(click.profile))


def _row(click: click_pb2.Click, origin: Origin, profile_key: int | None) -> tuple[Any, ...]:
    return (
        click.business_id, from_timestamp(click.clicked_at), UUID(bytes=click.id), click.link, click.template,
        click.campaign or None, click.journey or None, click.message or None, profile_key, click.session or None,
        from_timestamp(click.link_created_at), VERDICTS[click.verdict], click.verdict_reason, click.rules_version,
        click.host, click.query, click.address, click.user_agent, click.referrer, click.accept_language, click.source,
        origin.device, origin.browser, origin.os, origin.country, origin.language, origin.referrer,
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


def _filling(table: str, counters: list[Counter]) -> str:
    """Return the statement that fills a table with what its recounts give, side by side where there are several."""
    first, *others = counters
    named = ", ".join(f"recount_{number} AS ({counter.recount})" for number, counter in enumerate(counters))
    columns = list(first.key + first.figures)
    joined = "recount_0"
    for number, other in enumerate(others, 1):
        common = [name for name in other.key if name in first.key]
        joined += f" LEFT JOIN recount_{number} USING ({', '.join(common)})"
        columns += [name for name in other.key + other.figures if name not in columns]
    listed = ", ".join(columns)
    # Every name comes from the product's own table of counters.
    return f"WITH {first.after}, {named} INSERT INTO {table} (business_id, {listed}) SELECT $1, {listed} FROM {joined}"  # noqa: S608  (see above)
