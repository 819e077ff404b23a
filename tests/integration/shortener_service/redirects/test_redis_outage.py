"""While Redis is away, what a process knows still redirects, and its clicks go straight to tracking."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from cli.embedded.redis_server import RedisProgram, find_redis
from cli.embedded.server_process import ServerProcess
from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1.link_pb2 import Link
from common.errors import Reason
from common.ids import new_nonce, session_from_nonce
from tests.integration.shortener_service.conftest import Start
from tests.support.shortener_service.callers import Caller, hit, looking, refusal
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a Redis that the test may do anything to."""
    directory = tmp_path_factory.mktemp("own-redis")
    # From 7.0 on, DEBUG is refused unless it is asked for by name; older ones do not know that name.
    version = subprocess.run([find_redis().path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603  (the server that the tests run on)
    further = () if "v=6." in version else ("enable-debug-command local",)
    program = RedisProgram(directory, "always", further=further)
    server = ServerProcess(program, log=directory / "redis.log", pid_file=directory / "redis.pid")
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def shortener(start: Start, own_redis: ServerProcess) -> AsyncIterator[Caller]:
    """Start a shortener on that Redis."""
    caller = await start(redis_url=own_redis.url)
    async with Redis.from_url(own_redis.url) as redis:
        await eventually(lambda: redis.exists("{15}:complete"), bool)
    yield caller
    # A Redis that is stopped cannot be left in order; one that is frozen would hold up the end.
    own_redis.signal(signal.SIGCONT)


@pytest_asyncio.fixture
async def known(shortener: Caller) -> Link:
    """Return a link that the shortener remembers, since it was clicked before."""
    link = await shortener.create()
    await shortener.click(link.code)
    return link


def delivered(tracking: Tracking) -> list[str]:
    """Return the sessions of the clicks delivered."""
    return [click.session for click in tracking.clicks]


async def clicks_go_straight(shortener: Caller, link: Link, tracking: Tracking) -> pb.Outcome:
    """Click a link, and see it redirect with a session whose click tracking has already."""
    outcome = await shortener.click(link.code)
    assert outcome.kind == pb.OUTCOME_KIND_REDIRECT
    assert outcome.session in delivered(tracking)
    return outcome


async def recovered(shortener: Caller) -> bool:
    """Tell whether links can be created again."""
    try:
        return bool((await shortener.create()).code)
    except grpc.aio.AioRpcError:
        return False


async def test_known_links_redirect_without_redis(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """A link that was clicked before redirects with a session, and its click is delivered before the answer."""
    own_redis.kill()
    outcome = await clicks_go_straight(shortener, known, tracking)
    assert outcome.session in outcome.location


async def test_unknown_codes_cannot_be_told(shortener: Caller, known: Link, own_redis: ServerProcess) -> None:
    """Neither found nor not found; a known neighbour in the batch is served. Alone, they can be tried again."""
    other = await shortener.create()
    own_redis.kill()
    outcomes = await shortener.resolve(hit(other.code), hit(known.code), hit("nosuchcode"))
    assert [outcome.kind for outcome in outcomes] == [
        pb.OUTCOME_KIND_UNAVAILABLE,
        pb.OUTCOME_KIND_REDIRECT,
        pb.OUTCOME_KIND_UNAVAILABLE,
    ]
    assert (await refusal(shortener.click(other.code))).reason is Reason.STORE_DOWN


async def test_a_frozen_redis_is_an_outage_too(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """Clicks are served while Redis hangs; whatever it does with them later, each is delivered with one id."""
    own_redis.signal(signal.SIGSTOP)
    outcomes = [await shortener.click(known.code) for _ in range(3)]
    assert {outcome.kind for outcome in outcomes} == {pb.OUTCOME_KIND_REDIRECT}
    assert {outcome.session for outcome in outcomes} <= set(delivered(tracking))
    own_redis.signal(signal.SIGCONT)
    await eventually(lambda: recovered(shortener), bool)
    of_first = {click.id for click in tracking.clicks if click.session == outcomes[0].session}
    assert len(of_first) == 1


async def test_it_recovers_without_a_restart(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """When Redis is back, clicks go through the outbox again and links can be created."""
    own_redis.kill()
    await shortener.click(known.code)
    assert (await refusal(shortener.create())).reason is Reason.STORE_DOWN
    own_redis.start()
    await eventually(lambda: recovered(shortener), bool)
    nonce = new_nonce()
    await shortener.click((await shortener.create()).code, nonce=nonce)
    await eventually(looking(lambda: delivered(tracking)), lambda seen: session_from_nonce(nonce) in seen)


async def test_a_redis_that_is_full_is_an_outage(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """Where Redis refuses to write for want of memory, known links redirect and creation is refused."""
    async with Redis.from_url(own_redis.url) as redis:
        await redis.config_set("maxmemory", "1")
        await clicks_go_straight(shortener, known, tracking)
        assert (await refusal(shortener.create())).reason is Reason.STORE_DOWN
        await redis.config_set("maxmemory", "0")
    await eventually(lambda: recovered(shortener), bool)


async def test_a_read_only_redis_is_an_outage(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """A server that has become a replica takes no writes: clicks go straight to tracking."""
    async with Redis.from_url(own_redis.url) as redis:
        await redis.replicaof("127.0.0.1", "1")
        await clicks_go_straight(shortener, known, tracking)
        await redis.replicaof("NO", "ONE")
    await eventually(lambda: recovered(shortener), bool)


async def test_two_stores_at_once_serve_nothing(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """Where tracking cannot keep the click either, there is no redirect."""
    own_redis.kill()
    tracking.refusals = [grpc.StatusCode.UNAVAILABLE] * 100
    error = await refusal(shortener.click(known.code))
    assert error.reason is Reason.STORE_DOWN
    assert error.retry_after_seconds


async def test_a_redis_that_cannot_write_to_its_disk_is_an_outage(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """Where Redis refuses to write since its disk refuses (MISCONF), clicks go straight to tracking."""
    async with Redis.from_url(own_redis.url) as redis:
        # A snapshot that cannot be written makes it refuse, as does an append-only file that cannot.
        await redis.config_set("save", "3600 1000000")
        dump = Path(str((await redis.config_get("dir"))["dir"])) / "dump.rdb"
        dump.mkdir()
        (dump / "in the way").touch()
        await redis.bgsave()

        async def has_failed() -> bool:
            return bool((await redis.info("persistence"))["rdb_last_bgsave_status"] == "err")

        await eventually(has_failed, bool)
        with pytest.raises(ResponseError, match="MISCONF"):
            await redis.set("refused", "1")
        await clicks_go_straight(shortener, known, tracking)
        assert (await refusal(shortener.create())).reason is Reason.STORE_DOWN
        await redis.config_set("save", "")
    await eventually(lambda: recovered(shortener), bool)


async def test_a_redis_that_loads_its_data_is_an_outage(
    shortener: Caller, known: Link, own_redis: ServerProcess, tracking: Tracking
) -> None:
    """Until Redis has read its file (LOADING), known links redirect and their clicks go straight to tracking."""
    async with Redis.from_url(own_redis.url) as redis, Redis.from_url(own_redis.url, socket_timeout=120) as reloading:
        await redis.config_set("rdbcompression", "no")
        for number in range(30):
            await redis.set(f"filler-{number}", b"x" * 1_000_000)
        # It reads so slowly, and answers others every 2 MB.
        await redis.config_set("key-load-delay", "150000")
        reload: asyncio.Future[Any] = asyncio.ensure_future(reloading.execute_command("DEBUG", "RELOAD"))  # type: ignore[no-untyped-call]

        async def is_loading() -> bool:
            return bool((await redis.info("persistence"))["loading"])

        await eventually(is_loading, bool)
        outcome = await shortener.click(known.code)
        await reload
    assert outcome.kind == pb.OUTCOME_KIND_REDIRECT
    await eventually(looking(lambda: delivered(tracking)), lambda seen: outcome.session in seen)
    await eventually(lambda: recovered(shortener), bool)
