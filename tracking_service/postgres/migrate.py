"""Brings the database to the form that the code expects, and waits for one that can serve it.

Migrations are files, `0001_pre_…` and `0002_post_…`: those marked pre run before the code that needs them starts,
those marked post once no older code runs any more.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg

from common.backoff import Backoff
from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.postgres.locks import Lock
from tracking_service.postgres.pool import TAKES_WRITES, Postgres
from tracking_service.postgres.refusals import warn_of_read_only
from tracking_service.postgres.roles import give_rights, warn_of_rights
from tracking_service.postgres.servers import UnfitDatabaseError, connect_once

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

    # Generic in the types alone, not at run-time.
    AnyConnection = asyncpg.Connection[asyncpg.Record] | Connection

log = get_logger(__name__)
CONNECT_SECONDS = 10.0
LEAST_SERVER_VERSION = 18
LOCK_SECONDS = 120
# A migration that waits for a lock makes all behind it wait: give up soon, and be started again.
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"

_DIGITS = 4
_NAME = re.compile(rf"^\d{{{_DIGITS}}}_(pre|post)_[a-z0-9_]+$")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


# What a migration ends with where its connection breaks off, and where PostgreSQL cannot do what it says.
BROKEN_OFF = (OSError, asyncpg.InternalClientError)
MIGRATION_FAILED = (UnfitDatabaseError, asyncpg.PostgresError)


class Phase(StrEnum):
    """Which migrations to run."""

    PRE = "pre"
    POST = "post"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step, with the hash that tells whether its file was changed after it ran."""

    name: str
    phase: Phase
    sql: str

    @property
    def checksum(self) -> bytes:
        """Return the SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).digest()


def migrations() -> list[Migration]:
    """Return all migrations, in the order in which they run: of one number, what is of the phase pre goes first."""
    steps = [
        Migration(name, phase, file.read_text(encoding="utf-8"))
        for file in (files(__package__) / "migrations").iterdir()
        if (phase := _phase_of(name := file.name.removesuffix(".sql")))
    ]
    return sorted(steps, key=lambda step: (step.name[:_DIGITS], step.phase is Phase.POST, step.name))


def _phase_of(name: str) -> Phase | None:
    """Return when a migration of this name runs; None for what is the name of none."""
    match = _NAME.match(name)
    return Phase(match[1]) if match else None


async def migrate(url: str, phase: Phase = Phase.ALL, service_url: str = "") -> list[str]:
    """Run what has not run yet, as the owner of the tables, and return its names; then give the service its rights.

    Only one process migrates at a time; the others wait. Each migration is a transaction of its own. Raises
    `UnfitDatabaseError` where the server is too old or a migration that ran has been changed, `NotConnectedError` where
    there is no connection.
    """
    connection = await connect_once(url, CONNECT_SECONDS)
    try:
        await check_version(connection)
        async with _locked(url):
            done = await _run(connection, migrations(), phase)
            await give_rights(connection, service_url)
            return done
    finally:
        await connection.close()


async def check_version(connection: "AnyConnection") -> None:
    """Raise `UnfitDatabaseError` where the server is older than the SQL needs."""
    version = connection.get_server_version()
    if version.major < LEAST_SERVER_VERSION:
        raise UnfitDatabaseError(
            f"PostgreSQL {LEAST_SERVER_VERSION} or newer is needed; the server is {version.major}.{version.minor}."
        )


async def check_migrated(connection: "AnyConnection") -> None:
    """Raise `UnfitDatabaseError` where a migration that the code needs has not run, or one that ends its time has.

    What newer code needs before it starts is no matter: older code runs on with it.
    """
    applied = await _applied(connection)
    known = migrations()
    if ended := [name for name in applied.keys() - {step.name for step in known} if _phase_of(name) is Phase.POST]:
        raise UnfitDatabaseError(
            f"The database is past these migrations, which wait until no older code runs: {', '.join(sorted(ended))}. "
            "Run the release that brought them, or a newer one."
        )
    if missing := [step.name for step in known if step.phase is Phase.PRE and step.name not in applied]:
        raise UnfitDatabaseError(
            f"The database lacks these migrations: {', '.join(missing)}. Run `clicktrail migrate`."
        )


@asynccontextmanager
async def _locked(url: str) -> AsyncIterator[None]:
    """Keep other processes from migrating meanwhile.

    The lock is a transaction's, on a connection of its own: a session's would be left behind in a pooler.
    """
    connection = await connect_once(url, CONNECT_SECONDS)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            await _lock(connection)
            yield
    finally:
        await connection.close()


async def _lock(connection: "AnyConnection") -> None:
    for _ in range(LOCK_SECONDS * 5):
        if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", Lock.MIGRATIONS):
            return
        await asyncio.sleep(0.2)
    raise UnfitDatabaseError(f"Another process has been migrating for {LOCK_SECONDS} seconds; try again.")


async def _run(connection: "AnyConnection", steps: Sequence[Migration], phase: Phase) -> list[str]:
    applied = await _applied(connection)
    if changed := [step.name for step in steps if applied.get(step.name, step.checksum) != step.checksum]:
        raise UnfitDatabaseError(f"These migrations were changed after they ran: {', '.join(changed)}.")
    pending = [step for step in steps if step.name not in applied]
    if phase is Phase.POST and (first := [step.name for step in pending if step.phase is Phase.PRE]):
        raise UnfitDatabaseError(f"These run before any of the phase post: {', '.join(first)}.")
    wanted = [step for step in pending if phase in (Phase.ALL, step.phase)]
    for step in wanted:
        await _apply(connection, step)
    return [step.name for step in wanted]


async def _applied(connection: "AnyConnection") -> dict[str, bytes]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT name, checksum FROM schema_migrations")
    return {row["name"]: row["checksum"] for row in rows}


async def _apply(connection: "AnyConnection", step: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations"
            " (name text PRIMARY KEY, checksum bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        await connection.execute(step.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)", step.name, step.checksum
        )
    log.info("migrated", migration=step.name)


async def until_fit(postgres: Postgres) -> None:
    """Return once PostgreSQL has answered and can serve this code; as long as it is away or read-only, try again.

    Raises `UnfitDatabaseError` where it is too old or lacks migrations: waiting would not help.
    """
    backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
    while True:
        try:
            async with postgres.connection() as connection:
                await check_version(connection)
                await check_migrated(connection)
                if await connection.fetchval(TAKES_WRITES):
                    await warn_of_rights(connection)
                    return
                warn_of_read_only()
                # Another one of the servers may be the one that takes writes.
                connection.terminate()
        except ClicktrailError as error:
            log.debug("PostgreSQL cannot be used yet", error=str(error))
        await asyncio.sleep(backoff.pause())
