"""Copies all tables out of PostgreSQL, as of one moment, and into an empty one, all or nothing."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from tracking_service.backup.archive import BackupReader, BackupWriter, Manifest, TableMember
from tracking_service.backup.queries import QUERIES
from tracking_service.postgres.migrate import check_version
from tracking_service.postgres.partitions import TIME_COLUMNS
from tracking_service.postgres.refusals import cause_of, refusal_of
from tracking_service.postgres.servers import connect_once

if TYPE_CHECKING:
    Plain = asyncpg.Connection[asyncpg.Record]


CONNECT_SECONDS = 10.0
LOCK_TIMEOUT = "10s"
# The first number of a sequence that has given out none.
_UNUSED = 0


class UnfitBackupError(Exception):
    """The backup and the database do not go together; says why, and what to do."""


class DatabaseAwayError(Exception):
    """PostgreSQL does not answer any more."""


class Table(NamedTuple):
    """A table of the database."""

    name: str
    is_partitioned: bool
    columns: list[str]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["Plain"]:
    """Open one connection, for work of hours."""
    connection = await connect_once(url, CONNECT_SECONDS, server_settings={"timezone": "UTC"})
    try:
        await check_version(connection)
        yield connection
    except asyncpg.UndefinedTableError as error:
        raise UnfitBackupError(f"The database is not migrated ({error}): run `clicktrail migrate`.") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        refusal = refusal_of(error)
        said = f"{refusal.sentence}. ({cause_of(error)})" if refusal else str(error)
        raise (UnfitBackupError if refusal and refusal.is_lasting else DatabaseAwayError)(said) from error
    finally:
        # Not closed in order: where a copy broke off, the rest of it would be waited for.
        connection.terminate()


async def copy_out(url: str, writer: BackupWriter, say: Callable[[TableMember], None]) -> Manifest:
    """Write every table as it is at one moment, and the manifest; `say` is told each table."""
    async with connected(url) as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            migrations = await _migrations(connection)
            tables = await _tables(connection)
            members = []
            for table in tables:
                members.append(await _copy_out(connection, writer, table))
                say(members[-1])
            partitions = {table.name: await _months(connection, table) for table in tables if table.is_partitioned}
        # Numbers are given out beside all transactions: read last, they are behind every row above.
        sequences = await _sequences(connection)
    manifest = Manifest(datetime.now(UTC).isoformat(), migrations, members, sequences, partitions)
    await writer.finish(manifest)
    return manifest


async def copy_in(
    url: str, reader: BackupReader, manifest: Manifest, say: Callable[[TableMember], None], *, is_revoking: bool
) -> None:
    """Fill an empty database, or leave it as it is. Raises `UnfitBackupError` where it is not the right one.

    With `is_revoking`, no private token and no link to a report of the backup opens anything.
    """
    async with connected(url) as connection:
        async with connection.transaction():
            await _check_migrations(connection, manifest)
            tables = {table.name: table for table in await _tables(connection)}
            await _check_empty(connection, tables)
            for parent, months in manifest.partitions.items():
                for month in months:
                    await _make_month(connection, parent, month)
            for member in manifest.tables:
                await _copy_in(connection, reader, tables, member)
                say(member)
            await _set_sequences(connection, manifest)
            if is_revoking:
                await connection.execute(QUERIES.revoke_credentials)
        await connection.execute("ANALYZE")


async def _copy_out(connection: "Plain", writer: BackupWriter, table: Table) -> TableMember:
    columns = ", ".join(map(_quoted, table.columns))
    # A query, since a partitioned table by itself cannot be copied.
    query = f"SELECT {columns} FROM {_quoted(table.name)}"  # noqa: S608  (names out of the catalogue, quoted)
    with writer.member(f"{table.name}.copy") as member:
        done = await connection.copy_from_query(query, output=member.write, format="binary")
    return TableMember(table.name, table.columns, _rows(done), member.sha256)


async def _copy_in(connection: "Plain", reader: BackupReader, tables: dict[str, Table], member: TableMember) -> None:
    table = tables.get(member.table)
    if table is None or not set(member.columns) <= set(table.columns):
        raise UnfitBackupError(f"The database has no table {member.table} with the columns of the backup.")
    done = await connection.copy_to_table(
        member.table, source=_pieces(reader.content(member)), columns=member.columns, format="binary"
    )
    if _rows(done) != member.rows:
        raise UnfitBackupError(f"{member.table} has {_rows(done)} rows in the file, and {member.rows} in its manifest.")


async def _pieces(content: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def _tables(connection: "Plain") -> list[Table]:
    """Return all tables, each behind those that it refers to."""
    rows = {row["name"]: row for row in await connection.fetch(QUERIES.list_tables)}
    order = TopologicalSorter({name: sorted(row["referred_to"]) for name, row in rows.items()}).static_order()
    return [Table(name, rows[name]["is_partitioned"], await _columns(connection, name)) for name in order]


async def _columns(connection: "Plain", table: str) -> list[str]:
    return [row["name"] for row in await connection.fetch(QUERIES.list_columns, _quoted(table))]


async def _migrations(connection: "Plain") -> dict[str, str]:
    return {row["name"]: row["checksum"] for row in await connection.fetch(QUERIES.list_migrations)}


async def _months(connection: "Plain", table: Table) -> list[str]:
    return [row["month"] for row in await connection.fetch(QUERIES.list_months, _quoted(table.name))]


async def _sequences(connection: "Plain") -> dict[str, int]:
    found = {}
    for row in await connection.fetch(QUERIES.list_sequences):
        last = await connection.fetchrow(f"SELECT last_value, is_called FROM {row['sequence']}")  # noqa: S608  (a name out of the catalogue)
        if last is not None:
            found[f"{row['table_name']}.{row['column_name']}"] = last["last_value"] if last["is_called"] else _UNUSED
    return found


async def _set_sequences(connection: "Plain", manifest: Manifest) -> None:
    for row in await connection.fetch(QUERIES.list_sequences):
        last = manifest.sequences.get(f"{row['table_name']}.{row['column_name']}", _UNUSED)
        if last != _UNUSED:
            await connection.execute(QUERIES.set_sequence, row["sequence"], last)


async def _make_month(connection: "Plain", parent: str, month: str) -> None:
    if parent not in TIME_COLUMNS:
        raise UnfitBackupError(f"The backup has partitions of a table {parent} that this version does not know.")
    at = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    await connection.execute(QUERIES.make_months, parent, TIME_COLUMNS[parent], at)


async def _check_migrations(connection: "Plain", manifest: Manifest) -> None:
    applied = await _migrations(connection)
    if newer := sorted(set(manifest.migrations) - set(applied)):
        raise UnfitBackupError(
            f"The backup is of a newer version: this database lacks {', '.join(newer)}."
            " Restore it with the version that made it, or a later one, after `clicktrail migrate`."
        )
    if applied != manifest.migrations:
        raise UnfitBackupError(
            "The backup is of another version of the tables: restore it with the version that made it, then migrate."
        )


async def _check_empty(connection: "Plain", tables: dict[str, Table]) -> None:
    """Raise `UnfitBackupError` unless there is no row; until the transaction ends, no other can write one."""
    names = [_quoted(name) for name in tables]
    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    await connection.execute(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE")
    full = [
        name
        for name in tables
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {_quoted(name)})")  # noqa: S608  (names out of the catalogue, quoted)
    ]
    if full:
        raise UnfitBackupError(
            f"The database is not empty: there are rows in {', '.join(full)}."
            " Make a new one, run `clicktrail migrate` on it, and start the services after the restore."
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _rows(status: str) -> int:
    return int(status.rpartition(" ")[2])
