"""Backups: out of one database, into another, the same to the last row."""

import os
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import pytest_asyncio
from grpc import aio

from clicktrail.shortener.v1 import domain_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from clicktrail.tracking.v1 import link_archive_service_pb2_grpc, profile_service_pb2
from common.clock import to_timestamp
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import START, click, link
from tests.support.waiting import eventually
from tracking_service.backup.archive import BackupReader, DamagedBackupError
from tracking_service.backup.backup import create, load_from
from tracking_service.backup.store import UnfitBackupError

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

TABLES = """
SELECT relname AS name
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname <> 'schema_migrations'
ORDER BY 1
"""
DIGEST = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) || ':' || count(*) FROM {table} t"


def ignore(_table: object) -> None:
    """Say nothing of a table."""


@pytest_asyncio.fixture
async def filled(channel: aio.Channel, business: str, database: "Database") -> Caller:
    """Fill the database with some of everything: clicks of three months and a wild clock, links, an erased person."""
    caller = Caller(channel)
    months = [click(minutes=-60 * 24 * days, seed=days, profile="ana") for days in (0, 40, 90, 4_000)]
    await caller.deliver(*months, links=[link(f"l{at}", profile=f"p{at}", external_id=f"x{at}") for at in range(30)])
    await database.execute("INSERT INTO profiles (business_id, id, created_at) VALUES ($1, 'gone', now())", business)
    await database.execute("DELETE FROM profiles WHERE id = 'gone'")
    await database.execute(
        "INSERT INTO objects VALUES ($1, gen_random_uuid(), 'order', '', 'o', '{\"n\": 1.50}', now(), now())", business
    )
    await database.execute(
        "INSERT INTO object_aliases VALUES ($1, gen_random_uuid(), gen_random_uuid(), now())", business
    )
    await database.execute("INSERT INTO installation (secret) VALUES ('\\x00ff')")
    # The attribution worker has nothing left to write.
    await eventually(lambda: database.fetchval("SELECT count(*) FROM dirty_visitors"), lambda count: count == 0)
    return caller


async def all_of(url: str) -> dict[str, str]:
    """Return a hash and the number of rows of each table."""
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    try:
        tables = [row["name"] for row in await connection.fetch(TABLES)]
        return {table: await connection.fetchval(DIGEST.format(table=table)) for table in tables}
    finally:
        await connection.close()


@pytest.mark.usefixtures("filled")
async def test_what_comes_back_is_the_same(postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """Each table has the same rows, sequences go on behind the last number, and rows lie in their partitions."""
    path = tmp_path / "a backup.tar"
    rows = await create(postgres_url, path, ignore)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208  (its other way blocks, ruff says)
    assert await load_from(other_url, path, ignore) == rows
    there = await all_of(other_url)
    assert there == await all_of(postgres_url)
    assert there["clicks"].endswith(":4")
    assert there["links"].endswith(":30")
    assert there["object_aliases"].endswith(":1")
    new_keys = []
    for url in (postgres_url, other_url):
        connection = await asyncpg.connect(url)
        new_keys.append(
            await connection.fetchval(
                "INSERT INTO profiles (business_id, id, created_at) VALUES ('shop', 'new', now()) RETURNING profile_key"
            )
        )
        assert await connection.fetchval("SELECT count(*) FROM clicks_default") <= 1
        await connection.close()
    assert new_keys[0] == new_keys[1]


async def test_a_backup_is_of_one_moment(filled: Caller, postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """What is written while it is made is in all of its tables or in none."""
    path = tmp_path / "b.tar"
    told: list[str] = []

    def meddle(table: Any) -> None:
        told.append(table.table)
        if len(told) == 1:
            connection_url = postgres_url
            script = (
                "import asyncio, asyncpg, sys\n"
                "async def main():\n"
                "    c = await asyncpg.connect(sys.argv[1])\n"
                "    await c.execute('DELETE FROM clicks')\n"
                "    await c.execute('DELETE FROM links')\n"
                "asyncio.run(main())\n"
            )
            subprocess.run([sys.executable, "-c", script, connection_url], check=True)  # noqa: S603  (our own words)

    before = await all_of(postgres_url)
    await create(postgres_url, path, meddle)
    await load_from(other_url, path, ignore)
    assert await all_of(other_url) == before
    assert filled


@pytest.mark.usefixtures("filled")
async def test_a_database_that_is_not_empty_is_left_alone(postgres_url: str, tmp_path: Path) -> None:
    """The tables with rows are named."""
    path = tmp_path / "b.tar"
    await create(postgres_url, path, ignore)
    before = await all_of(postgres_url)
    with pytest.raises(UnfitBackupError, match=r"not empty.*businesses"):
        await load_from(postgres_url, path, ignore)
    assert await all_of(postgres_url) == before


@pytest.mark.usefixtures("filled")
async def test_a_damaged_backup_is_refused(postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """Cut off, with a byte changed, or no backup at all: nothing is written."""
    path = tmp_path / "b.tar"
    await create(postgres_url, path, ignore)
    empty = await all_of(other_url)
    content = path.read_bytes()
    with tarfile.open(path) as tar:
        place = tar.getmember("links.copy").offset_data + 1_000
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    for damaged in (content[:-20_000], content[:3_000], changed, b"no tar", b""):
        path.write_bytes(damaged)
        with pytest.raises(DamagedBackupError):
            await load_from(other_url, path, ignore)
    assert await all_of(other_url) == empty


@pytest.mark.usefixtures("filled")
async def test_a_backup_of_another_version_is_refused(postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """A newer one names what is lacking; one of tables that were changed since says so."""
    path = tmp_path / "b.tar"
    await create(postgres_url, path, ignore)
    connection = await asyncpg.connect(other_url)
    await connection.execute("UPDATE schema_migrations SET checksum = '\\x00'")
    with pytest.raises(UnfitBackupError, match="another version"):
        await load_from(other_url, path, ignore)
    await connection.execute("DELETE FROM schema_migrations")
    await connection.close()
    with pytest.raises(UnfitBackupError, match=r"newer version.*0001_pre"):
        await load_from(other_url, path, ignore)


@pytest.mark.usefixtures("filled")
async def test_the_command_writes_and_tells(postgres_url: str, tmp_path: Path) -> None:
    """A backup in a folder that is not there is one line and exit code 2; a good one can be read by tar."""
    urls = {"CLICKTRAIL_POSTGRES_URL": as_service(postgres_url), "CLICKTRAIL_POSTGRES_OWNER_URL": postgres_url}
    environment = os.environ | urls

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)

    bad = run("backup", str(tmp_path / "nowhere" / "b.tar"))
    assert bad.returncode == 2
    assert "Traceback" not in bad.stderr
    good = run("backup", str(tmp_path / "b.tar"))
    assert good.returncode == 0, good.stderr
    with BackupReader.open(tmp_path / "b.tar") as reader:
        assert {table.table: table.rows for table in reader.manifest().tables}["links"] == 30
    refused = run("restore", "--from", str(tmp_path / "b.tar"), "--shortener", "127.0.0.1:9")
    assert refused.returncode == 2
    assert "not empty" in refused.stderr


@pytest.mark.usefixtures("business")
async def test_all_links_are_exported_page_by_page(channel: aio.Channel, database: "Database") -> None:
    """Each once, of every business, with all that a restore needs; and those alone that were kept since a time."""
    links = [link(f"l{at}", created_at=to_timestamp(START + timedelta(seconds=at))) for at in range(1_100)]
    links.append(link("theirs", business_id="other", revision=9))
    links[-1].origin_template, links[-1].detached_id = "t0", ""
    await Caller(channel).deliver(links=links)
    stub = link_archive_service_pb2_grpc.LinkArchiveServiceStub(channel)
    answers = [answer async for answer in stub.ExportLinks(pb.ExportLinksRequest(), timeout=SECONDS)]
    exported = [copy for answer in answers for copy in answer.links]
    assert {answer.total for answer in answers} == {1_101}
    assert sorted(copy.link.id for copy in exported) == sorted(copy.link.id for copy in links)
    assert next(copy for copy in exported if copy.link.id == "theirs") == links[-1]
    await database.execute("UPDATE links SET kept_at = $1 WHERE id <> 'l7'", datetime(2020, 1, 1, tzinfo=UTC))
    since = pb.ExportLinksRequest(kept_since=answers[0].began_at)
    since.kept_since.seconds -= 60
    answers = [answer async for answer in stub.ExportLinks(since, timeout=SECONDS)]
    assert [copy.link.id for answer in answers for copy in answer.links] == ["l7"]


@pytest.mark.usefixtures("business")
async def test_the_first_secret_and_the_latest_domain_stay(channel: aio.Channel) -> None:
    """Whatever comes later, or again."""
    stub = link_archive_service_pb2_grpc.LinkArchiveServiceStub(channel)

    async def keep(secret: bytes, revision: int, *, removed: bool = False) -> Any:
        domain = domain_service_pb2.Domain(
            name="go.example.com", business_id="shop", fallback_url=f"https://{revision}.example.com/"
        )
        copy = pb.DomainCopy(domain=domain, revision=revision, removed=removed)
        return await stub.KeepInstallation(
            pb.KeepInstallationRequest(secret=secret, domains=[copy, copy]), timeout=SECONDS
        )

    assert (await keep(b"", 5)).secret == b""
    await keep(b"first", 7, removed=True)
    kept = await keep(b"second", 6)
    assert kept.secret == b"first"
    assert [(copy.revision, copy.removed) for copy in kept.domains] == [(7, True)]


async def test_a_link_cleared_of_an_erased_person_is_still_known_by_its_external_id(
    filled: Caller, channel: aio.Channel, database: "Database"
) -> None:
    """Its copy has neither profile nor external id, but what stands for that, also if it comes late."""
    request = profile_service_pb2.EraseProfileRequest(business_id="shop", id="p1")
    await filled.profiles.EraseProfile(request, timeout=SECONDS)
    await filled.deliver(links=[link("late", profile="p1", external_id="x1")])
    stub = link_archive_service_pb2_grpc.LinkArchiveServiceStub(channel)
    answers = [answer async for answer in stub.ExportLinks(pb.ExportLinksRequest(), timeout=SECONDS)]
    copies = {copy.link.id: copy for answer in answers for copy in answer.links}
    for link_id in ("l1", "late"):
        copy = copies[link_id]
        assert (copy.link.profile, copy.link.external_id) == ("", "")
        assert copy.detached_id == copies["late"].detached_id
        assert len(copy.detached_id) == 24
    assert not copies["l2"].HasField("detached_id")
    assert database
