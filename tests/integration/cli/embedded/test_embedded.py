"""The servers out of wheels: they start, keep their data, and leave nothing behind."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from cli.embedded.errors import ServerFailed
from cli.embedded.ports import LOOPBACK, free_port, is_free, take_port
from cli.embedded.postgres_server import postgres_server as new_postgres
from cli.embedded.redis_server import redis_server as new_redis
from cli.embedded.server_process import LOG_BYTES, ServerProcess

Start = Callable[[str, Path], ServerProcess]
FACTORIES = {"redis": new_redis, "postgres": new_postgres}

pytestmark = pytest.mark.stores


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers in a directory with a space in its name, and stop them after the test."""
    started: list[ServerProcess] = []

    def start_one(kind: str, directory: Path) -> ServerProcess:
        server = FACTORIES[kind](directory / f"a {kind}")
        started.append(server)
        server.start()
        return server

    yield start_one
    for server in started:
        server.stop()


async def write_redis(url: str) -> None:
    """Keep a value in Redis."""
    async with Redis.from_url(url) as redis:
        await redis.set("kept", "yes")


async def read_redis(url: str) -> str:
    """Read the value kept in Redis."""
    async with Redis.from_url(url, decode_responses=True) as redis:
        return str(await redis.get("kept"))


async def write_postgres(url: str) -> None:
    """Keep a value in PostgreSQL."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 'yes' AS value")
    await connection.close()


async def read_postgres(url: str) -> str:
    """Read the value kept in PostgreSQL."""
    connection = await asyncpg.connect(url)
    value = await connection.fetchval("SELECT value FROM kept")
    await connection.close()
    return str(value)


WRITERS: dict[str, Callable[[str], Awaitable[None]]] = {"redis": write_redis, "postgres": write_postgres}
READERS: dict[str, Callable[[str], Awaitable[str]]] = {"redis": read_redis, "postgres": read_postgres}
both = pytest.mark.parametrize("kind", list(FACTORIES))


@both
async def test_a_stop_and_a_start_keep_the_data(kind: str, start: Start, tmp_path: Path) -> None:
    """What was written before a graceful stop is there after the next start, on another port."""
    first = start(kind, tmp_path)
    await WRITERS[kind](first.url)
    first.stop()
    assert first.exit_code == 0
    assert await READERS[kind](start(kind, tmp_path).url) == "yes"


@both
async def test_a_kill_keeps_what_was_acknowledged(kind: str, start: Start, tmp_path: Path) -> None:
    """What was acknowledged before a SIGKILL is there after the start that follows, on the same port."""
    server = start(kind, tmp_path)
    url = server.url
    await WRITERS[kind](url)
    server.kill()
    assert not server.is_running
    server.start()
    assert server.url == url
    assert await READERS[kind](url) == "yes"


async def test_a_kill_of_postgres_under_load_leaves_nobody_on_its_data(start: Start, tmp_path: Path) -> None:
    """It starts again at once: none of those that wrote for its clients is left, on whose account it would refuse."""
    server = start("postgres", tmp_path)

    async def write(connection: asyncpg.Connection) -> None:
        try:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.execute("CREATE TEMPORARY TABLE written AS SELECT generate_series(1, 10_000_000) AS g")
        finally:
            connection.terminate()

    for _ in range(3):
        writers = [asyncio.create_task(write(await asyncpg.connect(server.url))) for _ in range(20)]
        await asyncio.wait(writers, timeout=0.5)
        server.kill()
        server.start()
        await asyncio.wait(writers)


@both
async def test_the_password_is_needed(kind: str, start: Start, tmp_path: Path) -> None:
    """Another user of the machine cannot read the data without the password."""
    server = start(kind, tmp_path)
    password = server.url.split(":")[2].split("@")[0]
    stranger = server.url.replace(password, "guessed")
    with pytest.raises(Exception, match=r"password|WRONGPASS|Authentication"):
        await READERS[kind](stranger)
    assert (tmp_path / f"a {kind}" / "password").stat().st_mode & 0o777 == 0o600


async def test_redis_keeps_every_write_and_evicts_nothing(start: Start, tmp_path: Path) -> None:
    """The embedded Redis has the settings that a system of record needs."""
    async with Redis.from_url(start("redis", tmp_path).url, decode_responses=True) as redis:
        found = {
            name: (await redis.config_get(name))[name] for name in ("appendonly", "appendfsync", "maxmemory-policy")
        }
    assert found == {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


async def test_postgres_is_new_enough_and_not_root(start: Start, tmp_path: Path) -> None:
    """The embedded PostgreSQL is 18 or newer, and runs as an ordinary user also where we are root."""
    server = start("postgres", tmp_path)
    connection = await asyncpg.connect(server.url)
    assert int(await connection.fetchval("SHOW server_version_num")) >= 180_000
    await connection.close()
    assert os.stat(f"/proc/{server.pid}").st_uid != 0  # noqa: PTH116  (no disk is read)


ROOT = Path(__file__).parents[4]
CHILD = """
import signal, sys
from pathlib import Path
from tests.integration.cli.embedded.test_embedded import FACTORIES
server = FACTORIES[sys.argv[1]](Path(sys.argv[2]))
server.start()
print(server.pid, flush=True)
signal.pause()
"""


@both
def test_a_server_dies_with_its_parent(kind: str, tmp_path: Path) -> None:
    """A SIGKILL of the process that started it takes the server down too."""
    command = [sys.executable, "-c", CHILD, kind, str(tmp_path / kind)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:  # noqa: S603  (ourselves)
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


@both
async def test_a_leftover_is_stopped_first(kind: str, start: Start, tmp_path: Path) -> None:
    """A server that an earlier run left on the same data is stopped before the new one starts."""
    leftover = start(kind, tmp_path)
    await WRITERS[kind](leftover.url)
    server = start(kind, tmp_path)
    assert leftover.wait(1)
    assert await READERS[kind](server.url) == "yes"


async def test_an_unrelated_process_is_left_alone(start: Start, tmp_path: Path) -> None:
    """A process that merely has the pid noted by an earlier run is not stopped."""
    folder = tmp_path / "a redis"
    folder.mkdir()
    (folder / "redis.pid").write_text(f"{os.getpid()} 1\n")
    assert start("redis", tmp_path).is_ready()


async def test_a_lost_port_is_replaced(tmp_path: Path) -> None:
    """A port that another process takes before the server does is replaced by another one."""
    server = new_redis(tmp_path / "redis")
    with socket.create_server((LOOPBACK, server.port)) as taken:
        server.start()
        assert server.port != taken.getsockname()[1]
        assert await READERS["redis"](server.url) == "None"
    server.stop()


def test_a_failed_start_shows_the_log(tmp_path: Path) -> None:
    """A server that cannot start raises an error with the end of its log."""
    server = new_redis(tmp_path / "redis", fsync="sometimes")
    with pytest.raises(ServerFailed, match="appendfsync sometimes"):
        server.start()


def test_a_log_outlives_starts(tmp_path: Path) -> None:
    """What explains a crash loop is still there after any number of starts; an error shows the last one's lines."""
    log = tmp_path / "redis.log"
    log.write_text("why the first run ended: address already in use\n")
    server = new_redis(tmp_path / "redis", log=log, fsync="sometimes")
    port = server.port
    for _ in range(3):
        with pytest.raises(ServerFailed, match="appendfsync sometimes") as failed:
            server.start()
        assert "why the first run ended" not in str(failed.value)
    assert log.read_text().startswith("why the first run ended")
    assert log.read_text().count("appendfsync sometimes") == 3
    assert server.port == port


def test_large_logs_are_put_aside(tmp_path: Path) -> None:
    """At a start, the three newest of them; the log of this start is a new one."""
    log = tmp_path / "redis.log"
    server = new_redis(tmp_path / "redis", log=log, fsync="sometimes")
    for number in range(5):
        log.write_text(f"run {number}\n".ljust(LOG_BYTES))
        with pytest.raises(ServerFailed, match="appendfsync sometimes"):
            server.start()
    kept = [tmp_path / f"redis.log.{age}" for age in (1, 2, 3)]
    assert sorted(tmp_path.glob("redis.log*")) == [log, *kept]
    assert [file.read_text().split("\n")[0] for file in kept] == ["run 4", "run 3", "run 2"]
    assert "run" not in log.read_text()


def test_a_free_port_is_free() -> None:
    """A free port can be listened on, and is told apart from a taken one."""
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(LOOPBACK, port)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps ports apart for us")
def test_a_port_is_given_to_one_process_alone() -> None:
    """Also while nothing listens there; when that process has ended, others may have it."""
    asked = "import sys; from cli.embedded.ports import take_port; print(take_port(int(sys.argv[1])))"
    command = [sys.executable, "-c", asked, str(free_port())]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "False\n"  # noqa: S603  (ourselves)
    given = "from cli.embedded.ports import free_port; print(free_port())"
    command = [sys.executable, "-c", given]
    assert take_port(int(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout))  # noqa: S603  (ourselves)


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
