"""The service's role reads and writes rows; everything else is the owner's, who migrates."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from cli.embedded.ports import LOOPBACK, free_port
from cli.embedded.server_process import ServerProcess
from common.settings.store_urls import take_apart
from tests.support.postgres_roles import as_service
from tests.support.service_process import service_process
from tracking_service.postgres import partitions as module
from tracking_service.postgres.migrate import Phase, migrate, migrations
from tracking_service.postgres.partitions import CLICKS, EVENTS, INBOX, Partitions
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.servers import UnfitDatabaseError

if TYPE_CHECKING:
    Plain = asyncpg.Connection[asyncpg.Record]
MAKE = "SELECT make_partitions($1, $2, $3, $4)"


@pytest_asyncio.fixture
async def owner_url(postgres_server: ServerProcess) -> AsyncIterator[str]:
    """Return the address of a database without a table, as the one who will own them."""
    name = f"roles_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server.url.rpartition('/')[0]}/{name}"
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest_asyncio.fixture
async def owner(owner_url: str) -> AsyncIterator["Plain"]:
    """Connect as the owner."""
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def service(owner_url: str) -> AsyncIterator["Plain"]:
    """Connect as the service does to a database that its owner has migrated."""
    await migrate(owner_url, service_url=as_service(owner_url))
    connection = await asyncpg.connect(as_service(owner_url))
    yield connection
    await connection.close()


OF_THE_OWNER = (
    "COPY businesses FROM PROGRAM 'id'",
    "COPY (SELECT 1) TO PROGRAM 'cat > /tmp/taken'",
    "COPY businesses FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "CREATE TABLE mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE clicktrail_app SUPERUSER",
    "SET ROLE clicktrail",
    "SET SESSION AUTHORIZATION clicktrail",
    "ALTER SYSTEM SET archive_command = 'id'",
    "ALTER TABLE businesses ADD COLUMN mine text",
    "ALTER FUNCTION make_partitions(text, text, timestamptz, timestamptz) RESET search_path",
    "CREATE OR REPLACE VIEW first_clicks AS SELECT 1",
    "DROP TABLE businesses",
    "DROP TABLE clicks_default",
    "TRUNCATE businesses",
    "DELETE FROM schema_migrations",
    "UPDATE schema_migrations SET checksum = ''",
)


async def test_what_is_the_owners_is_refused(service: "Plain") -> None:
    """Whoever has the service's address, or writes into its statements, runs no program and changes no table."""
    for statement in OF_THE_OWNER:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


async def test_it_owns_nothing(service: "Plain", owner: "Plain") -> None:
    """No table, function or schema of the database is the role's, and it is no member of another."""
    role = await service.fetchval("SELECT current_user")
    assert (
        await owner.fetchval("SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = $1::regrole", role)
        == 0
    )
    assert await owner.fetchval("SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", role) == 0
    rights = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
    assert await owner.fetchval(f"{rights} WHERE rolname = $1", role) is False


async def test_partitions_are_made_over_the_edges_of_months(
    service: "Plain", owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a month's last moment and of the next one's first lie each in their own month's partition."""
    edge = datetime(2027, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(module, "now", lambda: edge - timedelta(microseconds=1))
    postgres = await Postgres.open(as_service(owner_url), 2)
    try:
        partitions = Partitions(postgres)
        assert await partitions.make_ahead()
        monkeypatch.setattr(module, "now", lambda: edge)
        times = [edge - timedelta(microseconds=1), edge, edge + timedelta(days=31)]
        await partitions.cover(EVENTS, times)
        assert await partitions.make_ahead()
    finally:
        await postgres.close()
    insert = """
    INSERT INTO events (business_id, received_at, id, action, credential, occurred_at, address, user_agent)
    SELECT 'b', at, gen_random_uuid(), 'page.viewed', 'public', at, '', '' FROM unnest($1::timestamptz[]) AS sent (at)
    RETURNING tableoid::regclass::text AS partition
    """
    found = [row["partition"] for row in await service.fetch(insert, times)]
    assert found == ["events_2026_12", "events_2027_01", "events_2027_02"]


async def test_rows_of_the_default_partition_move_along(service: "Plain") -> None:
    """What came before its partition was made is moved into it with the owner's rights."""
    at = datetime.now(UTC) - timedelta(days=100)
    insert = """
    INSERT INTO events (business_id, received_at, id, action, credential, occurred_at, address, user_agent)
    VALUES ('b', $1, gen_random_uuid(), 'page.viewed', 'public', $1, '', '')
    """
    await service.execute(insert, at)
    assert await service.fetchval(MAKE, EVENTS, "received_at", at, at) == 1
    partition = await service.fetchval("SELECT tableoid::regclass::text FROM events")
    assert partition == f"events_{at:%Y_%m}"


async def test_only_partitions_that_are_needed_are_made(service: "Plain") -> None:
    """What makes them takes no other table or column, and makes no thousands of months."""
    for parent, column, days in (
        ("businesses", "created_at", 0),
        (CLICKS, "received_at", 0),
        ("clicks; DROP TABLE clicks", "clicked_at", 0),
        (CLICKS, "clicked_at", -1000),
        (CLICKS, "clicked_at", 1000),
    ):
        at = datetime.now(UTC) + timedelta(days=days)
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await service.fetchval(MAKE, parent, column, at, at)


async def test_what_it_names_is_what_the_owner_meant(owner: "Plain", service: "Plain") -> None:
    """A table of the caller's own by the same name does not come before the owner's."""
    database = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"GRANT TEMPORARY ON DATABASE {database} TO clicktrail_app")
    await service.execute("CREATE TEMPORARY TABLE clicks_default (LIKE clicks)")
    await service.execute("SET search_path = pg_temp, public")
    present = datetime.now(UTC)
    assert await service.fetchval("SELECT public.make_partitions($1, $2, $3, $3)", CLICKS, "clicked_at", present) == 1


async def test_others_make_no_partitions(owner: "Plain", service: "Plain") -> None:
    """The function with the owner's rights is the service's alone."""
    assert await service.fetchval("SELECT 1") == 1
    name = f"stranger_{uuid4().hex}"
    await owner.execute(f"CREATE ROLE {name}; SET ROLE {name}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.fetchval(MAKE, CLICKS, "clicked_at", datetime.now(UTC), datetime.now(UTC))
    await owner.execute(f"RESET ROLE; DROP ROLE {name}")


async def test_tables_of_the_release_before_are_handed_over(owner: "Plain", owner_url: str) -> None:
    """Of a superuser that did everything: the service gets its rights, and older code goes on as before."""
    present = datetime.now(UTC)
    for step in [step for step in migrations() if step.name < "0002"]:
        await owner.execute(step.sql)
        await owner.execute(
            "CREATE TABLE schema_migrations (name text PRIMARY KEY, checksum bytea, at timestamptz DEFAULT now())"
        )
        await owner.execute("INSERT INTO schema_migrations VALUES ($1, $2)", step.name, step.checksum)
    await owner.fetchval(MAKE, CLICKS, "clicked_at", present, present)
    await owner.execute("INSERT INTO businesses (id, name, created_at) VALUES ('b', 'A shop', now())")
    await migrate(owner_url, Phase.PRE, as_service(owner_url))
    service = await asyncpg.connect(as_service(owner_url))
    try:
        assert await service.fetchval("SELECT name FROM businesses") == "A shop"
        assert await service.fetchval(MAKE, EVENTS, "received_at", present, present) == 1
    finally:
        await service.close()
    long_ago = present - timedelta(days=2000)
    assert await owner.fetchval(MAKE, CLICKS, "clicked_at", long_ago, long_ago) == 1


async def test_new_tables_are_handed_over_each_time(owner: "Plain", owner_url: str, service: "Plain") -> None:
    """What a later migration makes is the service's to read and write once that has run."""
    await owner.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute("INSERT INTO later (name) VALUES ('a')")
    assert await migrate(owner_url, service_url=as_service(owner_url)) == []
    await service.execute("INSERT INTO later (name) VALUES ('a')")


async def test_a_role_that_cannot_be_made_is_told(owner: "Plain", owner_url: str) -> None:
    """Where the owner may make none, the message has the statement that does."""
    name = f"plain_owner_{uuid4().hex}"
    await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'word'; GRANT ALL ON SCHEMA public TO {name}")
    address = f"postgresql://{name}:word@{owner_url.rpartition('@')[2]}"
    nobody = f"postgresql://none_{uuid4().hex}:word@{owner_url.rpartition('@')[2]}"
    with pytest.raises(UnfitDatabaseError, match=r"CREATE ROLE none_.* LOGIN"):
        await migrate(address, service_url=nobody)
    await owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def test_the_owner_in_place_of_the_service_is_warned_of_once(postgres_url: str) -> None:
    """Who has one role for everything goes on so, and the log says what would be better; a plain role is not told."""
    settings = {"TRACKING_LISTEN": f"{LOOPBACK}:0"}
    async with service_process("tracking_service", settings | {"POSTGRES_URL": postgres_url}) as service:
        told = await service.says("the service has all rights over its tables")
        assert told["level"] == "warning"
        await service.says("PostgreSQL is there")
    async with service_process("tracking_service", settings | {"POSTGRES_URL": as_service(postgres_url)}) as service:
        await service.says("PostgreSQL is there")
        assert not [line for line in service.said if "all rights" in line]


def clicktrail(*arguments: str, **settings: str) -> str:
    """Run a command with these settings, named without their prefix; return what it prints."""
    told = {f"CLICKTRAIL_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_commands_take_each_role_where_it_is_needed(owner: "Plain", owner_url: str, tmp_path: Path) -> None:
    """Migrations and restores the owner's, out of files; a backup needs no owner."""
    settings = {"POSTGRES_URL": as_service(owner_url)}
    parts = take_apart(owner_url)
    (tmp_path / "url").write_text(parts._replace(password="").text())
    (tmp_path / "password").write_text(f"{parts.password}\n")
    files = {
        "POSTGRES_OWNER_URL_FILE": str(tmp_path / "url"),
        "POSTGRES_OWNER_PASSWORD_FILE": str(tmp_path / "password"),
    }
    assert "0006_pre_roles" in await asyncio.to_thread(clicktrail, "migrate", **settings, **files)
    backup = str(tmp_path / "b.tar")
    await asyncio.to_thread(clicktrail, "backup", backup, **settings)
    nowhere = f"{LOOPBACK}:{free_port()}"
    restored = await asyncio.to_thread(
        clicktrail, "restore", "--from", backup, "--shortener", nowhere, **settings, **files
    )
    assert "The database is restored" in restored
    assert await owner.fetchval("SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'businesses'")


async def test_months_that_are_too_old_are_dropped(service: "Plain", owner_url: str) -> None:
    """Of the inbox alone; a month goes when its last row is too old, and single rows that lie in none."""
    present = datetime.now(UTC)
    months = [present - timedelta(days=days) for days in (200, 40, 0)]
    lone = present - timedelta(days=2000)
    postgres = await Postgres.open(as_service(owner_url), 2)
    try:
        partitions = Partitions(postgres, {INBOX: timedelta(days=100)})
        await partitions.cover(INBOX, months)
        insert = """
        INSERT INTO inbox (id, business_id, connection_id, received_at, topic, headers, query, body, people, retry_at)
        SELECT gen_random_uuid(), 'b', 'c', at, '', '{}', '{}', '', '{}', at FROM unnest($1::timestamptz[]) AS sent (at)
        """
        await service.execute(insert, [*months, lone])
        assert await partitions.drop_old()
        assert await partitions.drop_old()
    finally:
        await postgres.close()
    kept = await service.fetch("SELECT received_at FROM inbox ORDER BY received_at")
    assert [row["received_at"] for row in kept] == months[1:]
    assert await service.fetchval("SELECT to_regclass($1)", f"inbox_{months[0]:%Y_%m}") is None


@pytest.mark.parametrize(("table", "days"), [(EVENTS, 400), (CLICKS, 400), ("profiles", 400), (INBOX, 6)])
async def test_nothing_else_is_dropped(service: "Plain", table: str, days: int) -> None:
    """Whoever has the service's address drops no month of other tables, and none of the last days."""
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await service.execute("SELECT drop_partitions($1, $2)", table, datetime.now(UTC) - timedelta(days=days))
