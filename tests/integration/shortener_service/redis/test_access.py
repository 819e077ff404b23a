"""Which Redis is let in, by what password, and what is said of one that cannot be used."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis.asyncio import Redis

from cli.embedded.ports import LOOPBACK, free_port
from cli.embedded.redis_server import RedisProgram, find_redis, redis_server
from cli.embedded.server_process import ServerProcess
from shortener_service.errors import UnsuitableStoreError
from tests.integration.shortener_service.conftest import Start
from tests.support.redis_cluster import RedisCluster
from tests.support.service_process import service_process
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

WILD = "/ # @ : % ? & %2F [ß€] \\ ' \" word"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Run a Redis of one's own."""
    own = redis_server(tmp_path / "redis")
    own.start()
    yield own
    own.stop()


@pytest_asyncio.fixture
async def own_redis(server: ServerProcess) -> AsyncIterator[Redis]:
    """Look into it."""
    async with Redis.from_url(server.url) as client:
        yield client


def bare_url(server: ServerProcess, user: str = "") -> str:
    """Return a server's address without a password."""
    return f"redis://{user}{LOOPBACK}:{server.port}/0"


async def test_a_password_may_have_any_characters(server: ServerProcess, own_redis: Redis, start: Start) -> None:
    """Given apart, it is sent as it is."""
    await own_redis.config_set("requirepass", WILD)
    caller = await start(redis_url=bare_url(server), redis_password=SecretStr(WILD))
    await eventually(lambda: own_redis.exists("{15}:complete"), bool)
    assert (await caller.create()).code


async def test_a_user_of_redis_may_be_named(server: ServerProcess, own_redis: Redis, start: Start) -> None:
    """With a password of any characters; such a user needs no more than it is said to."""
    rights = ("~*", "&*", "+@all", "-@admin", "-@dangerous", "+config|get", "+info", "+role")
    await own_redis.execute_command("ACL", "SETUSER", "clicks", "on", f">{WILD}", *rights)  # type: ignore[no-untyped-call]  # so it comes
    caller = await start(redis_url=bare_url(server, "clicks@"), redis_password=SecretStr(WILD))
    await eventually(lambda: own_redis.exists("{15}:complete"), bool)
    assert (await caller.create()).code


async def test_every_node_of_a_cluster_is_told_the_password(redis_cluster: RedisCluster, start: Start) -> None:
    """Also those that no address names, of which the others tell."""
    redis_cluster.empty()
    for number in range(len(redis_cluster.servers)):
        redis_cluster.tell(number, "ACL", "SETUSER", "clicks", "on", f">{WILD}", "~*", "&*", "+@all")
    try:
        url = bare_url(redis_cluster.servers[0], "clicks@")
        caller = await start(redis_url=url, redis_password=SecretStr(WILD))

        async def complete() -> bool:
            return await caller.shortener._installation.is_complete()

        await eventually(complete, bool)
        assert (await caller.create()).code
    finally:
        for number in range(len(redis_cluster.servers)):
            redis_cluster.tell(number, "ACL", "DELUSER", "clicks")


async def test_a_password_from_a_file_is_tried_until_it_is_right(
    server: ServerProcess, own_redis: Redis, tracking: Tracking, tmp_path: Path
) -> None:
    """A wrong one is told as such, without being shown, and the service goes on once Redis takes it."""
    (tmp_path / "password").write_text(f"{WILD}\n")
    settings = {
        "SHORTENER_LISTEN": f"{LOOPBACK}:0",
        "REDIS_URL": bare_url(server),
        "REDIS_PASSWORD_FILE": str(tmp_path / "password"),
        "TRACKING_TARGET": tracking.target,
    }
    async with service_process("shortener_service", settings) as service:
        told = await service.says("redis refuses the user or the password")
        assert "AuthenticationError" in told["error"]
        assert WILD not in str(told)
        await own_redis.config_set("requirepass", WILD)
        await service.says("serving")


async def test_a_misspelt_setting_is_told_once_and_stops_nothing(server: ServerProcess, tracking: Tracking) -> None:
    """An older version that is put back has fewer settings than its environment."""
    settings = {
        "SHORTENER_LISTEN": f"{LOOPBACK}:0",
        "REDIS_URL": server.url,
        "TRACKING_TARGET": tracking.target,
        "OUTBOX_LIMTI": "1",
        "GATEWAY_PORT": "tcp://10.0.0.1:8080",
    }
    async with service_process("shortener_service", settings) as service:
        told = await service.says("the environment has settings that there are not")
        assert told["settings"] == [
            "CLICKTRAIL_OUTBOX_LIMTI: there is no such setting; did you mean CLICKTRAIL_OUTBOX_LIMIT?"
        ]
        await service.says("serving")


@pytest.fixture
def sentinel(server: ServerProcess, tmp_path: Path) -> Iterator[int]:
    """Run a sentinel that watches a master, and return its port."""
    port = free_port()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"bind {LOOPBACK}\nport {port}\ndir {tmp_path}\nsentinel monitor mymaster {LOOPBACK} {server.port} 1\n"
    )
    process = subprocess.Popen(  # noqa: S603  (our own program)
        [str(find_redis().path), str(configuration), "--sentinel"], stdout=subprocess.DEVNULL
    )
    yield port
    process.terminate()
    process.wait()


@pytest.mark.parametrize("hosts", ["{0}:{1}", "{0}:{1},{0}:{1}"])
async def test_a_sentinel_is_refused_by_name(sentinel: int, start: Start, hosts: str) -> None:
    """One or several in an address that looks like a server's: the message says what is supported instead."""
    with pytest.raises(UnsuitableStoreError, match=r"Sentinel, which is not supported.*Redis Cluster"):
        await start(redis_url=f"redis://{hosts.format(LOOPBACK, sentinel)}")


async def test_a_redis_that_hides_its_settings_is_refused(tmp_path: Path, start: Start) -> None:
    """Managed ones have no CONFIG: that this kind is not supported is said, and what to run instead."""
    folder = tmp_path / "redis"
    folder.mkdir()
    program = RedisProgram(folder, "always", further=['rename-command CONFIG ""'])
    server = ServerProcess(program, log=tmp_path / "redis.log", pid_file=tmp_path / "redis.pid")
    server.start()
    try:
        with pytest.raises(UnsuitableStoreError, match=r"`CONFIG GET`.*Managed Redis.*not supported.*Run Redis 6\.2"):
            await start(redis_url=server.url)
    finally:
        server.stop()


async def test_a_user_who_may_not_read_settings_is_told_which_right_is_missing(
    server: ServerProcess, own_redis: Redis, start: Start
) -> None:
    """That is no managed Redis, and is mended by one command."""
    await own_redis.execute_command("ACL", "SETUSER", "clicks", "on", ">word", "~*", "&*", "+@all", "-config")  # type: ignore[no-untyped-call]  # so it comes
    with pytest.raises(UnsuitableStoreError, match=r"\+config\|get"):
        await start(redis_url=bare_url(server, "clicks:word@"))


async def test_a_replica_is_waited_for_until_it_is_the_master(
    server: ServerProcess, own_redis: Redis, tmp_path: Path, tracking: Tracking
) -> None:
    """It takes no writes, and may be made the master at any moment."""
    master = redis_server(tmp_path / "master")
    master.start()
    try:
        await own_redis.config_set("masterauth", master.url.partition("://:")[2].partition("@")[0])
        await own_redis.replicaof(LOOPBACK, str(master.port))
        settings = {
            "SHORTENER_LISTEN": f"{LOOPBACK}:0",
            "REDIS_URL": server.url,
            "TRACKING_TARGET": tracking.target,
        }
        async with service_process("shortener_service", settings) as service:
            await service.says("redis is a read-only replica")
            await own_redis.replicaof("NO", "ONE")
            await service.says("serving")
    finally:
        await asyncio.to_thread(master.stop)
