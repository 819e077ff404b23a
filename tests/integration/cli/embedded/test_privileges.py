"""What the embedded servers may do where we are root: as little as any user, and their data is nobody else's."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from cli.data_directory import DataDirectory
from cli.embedded import programs
from cli.embedded.postgres_server import find_postgres
from cli.embedded.postgres_server import postgres_server as new_postgres
from cli.embedded.privileges import NOBODY, as_nobody
from cli.embedded.programs import readable_by_all
from cli.embedded.redis_server import find_redis
from cli.embedded.redis_server import redis_server as new_redis
from cli.embedded.server_process import ServerProcess
from cli.stack.stack import Front, Stack
from tracking_service.postgres import migrate as module
from tracking_service.postgres.migrate import migrate, migrations

pytestmark = [
    pytest.mark.stores,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights that a server could keep"),
]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Return a folder that nobody but root can enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def servers(closed: Path) -> Iterator[list[ServerProcess]]:
    """Run both servers on data below that folder."""
    started = [new_redis(closed / "a redis"), new_postgres(closed / "a postgres")]
    for server in started:
        server.start()
    yield started
    for server in started:
        server.stop()


def status_of(pid: int) -> dict[str, str]:
    """Return what the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_a_server_has_no_capability_and_no_way_to_one(servers: list[ServerProcess]) -> None:
    """None of its processes, whatever it is told to run."""
    for server in servers:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        for pid in (server.pid, *map(int, children)):
            status = status_of(pid)
            assert {int(status[kind], 16) for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
            assert status["NoNewPrivs"] == "1"
            assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
            assert status["Groups"] == ""


async def test_who_owns_the_database_does_not_own_the_machine(servers: list[ServerProcess], closed: Path) -> None:
    """A program that PostgreSQL's own superuser runs reads and writes no file that is root's."""
    (closed / "secret").write_text("secret-word")
    connection = await asyncpg.connect(servers[1].url)
    try:
        await connection.execute("CREATE TABLE taken (line text)")
        for command in (f"cat {closed}/secret", "cat /etc/shadow", f"touch {closed}/written"):
            with pytest.raises(asyncpg.PostgresError, match=r"program .* failed"):
                await connection.execute(f"COPY taken FROM PROGRAM '{command}'")
    finally:
        await connection.close()
    assert not (closed / "written").exists()


def test_data_is_closed_to_others(servers: list[ServerProcess], closed: Path) -> None:
    """Each data directory is its server's alone, and the passwords are ours."""
    assert len(servers) == 2
    for name in ("a redis", "a postgres"):
        data = (closed / name / "data").stat()
        assert (data.st_uid, data.st_mode & 0o777) == (NOBODY, 0o700)
        password = (closed / name / "password").stat()
        assert (password.st_uid, password.st_mode & 0o777) == (0, 0o600)


def test_nobodys_permissions_are_changed(servers: list[ServerProcess], closed: Path) -> None:
    """What lies above the data stays as closed as it was."""
    assert all(server.is_ready() for server in servers)
    assert closed.stat().st_mode & 0o777 == 0o700


async def test_data_of_another_user_is_handed_over(closed: Path) -> None:
    """Such as a copy that root has put back: it is the server's from the next start on."""
    for factory in (new_redis, new_postgres):
        server = factory(closed / factory.__name__)
        server.start()
        if factory is new_redis:
            async with Redis.from_url(server.url) as redis:
                await redis.set("kept", "yes")
        server.stop()
        copy = closed / f"copy of {factory.__name__}"
        shutil.copytree(closed / factory.__name__, copy)
        assert {path.stat().st_uid for path in (copy / "data").rglob("*")} == {0}
        again = factory(copy)
        again.start()
        try:
            assert {path.stat().st_uid for path in (copy / "data").rglob("*")} == {NOBODY}
            if factory is new_redis:
                async with Redis.from_url(again.url) as redis:
                    assert await redis.get("kept") == b"yes"
        finally:
            again.stop()


def test_programs_that_others_cannot_read_are_copied_once(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an installation below a home directory: the copy is open, is root's, and is not made again."""
    # Pytest's own folders are closed.
    cache = Path(tempfile.mkdtemp())
    monkeypatch.setattr(programs, "_CACHE", cache)
    program = closed / "package" / "bin" / "says"
    program.parent.mkdir(parents=True)
    (closed / "package" / "word").write_text("yes\n")
    program.write_text('#!/bin/sh\ncat "$(dirname "$0")/../word"\n')
    program.chmod(0o700)
    try:
        copy = readable_by_all(program, closed / "package")
        done = subprocess.run(as_nobody([str(copy)], "KILL"), capture_output=True, text=True, check=True)  # noqa: S603  (ourselves)
        assert done.stdout == "yes\n"
        assert copy.stat().st_uid == 0
        made = copy.stat().st_ino
        assert readable_by_all(program, closed / "package").stat().st_ino == made
        assert len(list(cache.iterdir())) == 1
    finally:
        shutil.rmtree(cache, ignore_errors=True)


async def test_a_cluster_of_before_is_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one superuser did everything: its rows are there, and the service is a role that owns nothing.

    Each server is named with its version as it is started.
    """
    data = DataDirectory(tmp_path / "data")
    data.make()
    older = new_postgres(data.postgres)
    older.start()
    with monkeypatch.context() as patched:
        patched.setattr(module, "migrations", lambda: [step for step in migrations() if step.name < "0006"])
        await migrate(older.url)
    connection = await asyncpg.connect(older.url)
    await connection.execute("INSERT INTO businesses (id, name, created_at) VALUES ('before', 'A shop', now())")
    await connection.close()
    older.stop()
    assert not (data.postgres / "service_password").exists()
    stack = Stack(data, Front())
    try:
        steps: list[str] = []
        await asyncio.to_thread(stack.start, steps.append)
        assert steps[:2] == [f"starting {find_redis()}", f"starting {find_postgres()}"]
        connection = await asyncpg.connect(stack.postgres_url)
        assert await connection.fetchval("SELECT name FROM businesses WHERE id = 'before'") == "A shop"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("COPY businesses FROM PROGRAM 'id'")
        roles = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'clicktrail-tracking'"
        assert await connection.fetchval(roles) == "clicktrail_app"
        await connection.close()
    finally:
        await asyncio.to_thread(stack.stop)
