"""Starting on a Redis: which one is refused, and what an emptied one answers."""

import asyncio
import os
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.asyncio import Redis

from cli.embedded.ports import free_port
from cli.embedded.redis_server import redis_server
from clicktrail.shortener.v1 import redirect_service_pb2, session_service_pb2
from common.errors import Reason
from shortener_service.errors import UnsuitableStoreError
from shortener_service.recovery.data_format import DataFormat
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import BUSINESS, SECONDS, Caller, refusal
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

NOTE = f"1 1 {version('clicktrail')}".encode()
UNAVAILABLE = redirect_service_pb2.OUTCOME_KIND_UNAVAILABLE


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("appendonly", "no", "appendonly yes"),
        ("appendfsync", "everysec", "CLICKTRAIL_REDIS_FSYNC"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ],
)
async def test_a_forgetful_redis_is_refused(start: Start, redis: Redis, name: str, value: str, told: str) -> None:
    """A Redis that would lose links is refused, and the setting to change is named."""
    before = (await redis.config_get(name))[name] or ""
    await redis.config_set(name, value)
    try:
        with pytest.raises(UnsuitableStoreError, match=told):
            await start()
    finally:
        await redis.config_set(name, before)


@on_a_cluster_too
@pytest.mark.usefixtures("shortener")
async def test_another_number_of_shards_is_refused(start: Start) -> None:
    """The number of shards is fixed once there is data."""
    with pytest.raises(UnsuitableStoreError, match="CLICKTRAIL_OUTBOX_SHARDS=16"):
        await start(outbox_shards=8)


@on_a_cluster_too
async def test_the_format_of_the_data_is_noted(start: Start, redis: Redis) -> None:
    """With the release that served last."""
    await start()
    assert await redis.get("{0}:format") == NOTE


async def test_data_of_a_newer_release_are_refused(start: Start, redis: Redis) -> None:
    """An older release does not serve what it may misread, and names one that can."""
    await redis.set("{0}:format", "2 3 7.1.0")
    with pytest.raises(
        UnsuitableStoreError, match=r"format 2, .* up to 1: run 7\.1\.0, which served it last, or a newer"
    ):
        await start()
    assert await redis.get("{0}:format") == b"2 3 7.1.0"


async def test_a_release_that_goes_ahead_is_refused(
    start: Start, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the one that served last does not understand what it writes, it names the release to go by."""
    ahead = DataFormat(writes=2, understands=2, understood_since="6.0.0")
    monkeypatch.setattr("shortener_service.bootstrap.FORMAT", ahead)
    await redis.set("{0}:format", "1 1 5.2.0")
    with pytest.raises(
        UnsuitableStoreError, match=r"by clicktrail 5\.2\.0, .* upgrade every shortener to 6\.0\.0 first"
    ):
        await start()
    assert await redis.get("{0}:format") == b"1 1 5.2.0"


async def test_a_new_format_comes_in_two_steps_and_goes_back_by_them(
    start: Start, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step goes with the one before and the one behind it, and with no other."""
    steps = [
        DataFormat(writes=1, understands=1, understood_since="1"),
        DataFormat(writes=1, understands=2, understood_since="1"),
        DataFormat(writes=2, understands=2, understood_since="2"),
    ]

    async def starts(step: int) -> bool:
        monkeypatch.setattr("shortener_service.bootstrap.FORMAT", steps[step])
        try:
            await start()
        except UnsuitableStoreError:
            return False
        return True

    way = [
        (0, True),
        (2, False),
        (1, True),
        (0, True),
        (2, False),
        (1, True),
        (2, True),
        (0, False),
        (1, True),
        (0, False),
    ]
    assert [(step, await starts(step)) for step, _ in way] == way
    assert await redis.get("{0}:format") == f"2 2 {version('clicktrail')}".encode()


@on_a_cluster_too
async def test_an_emptied_redis_declares_no_link_dead(start: Start, tracking: Tracking, redis: Redis) -> None:
    """Where tracking knows links and Redis does not, unknown codes cannot be told, and nothing is created."""
    tracking.archived_links = 1
    caller = await start()
    assert (await caller.click("abcdef")).kind == UNAVAILABLE
    assert (await refusal(caller.create())).reason is Reason.STORE_INCOMPLETE
    assert (await refusal(caller.create(code="summer"))).reason is Reason.STORE_INCOMPLETE
    look = caller.redirects.LookUpCode(
        redirect_service_pb2.LookUpCodeRequest(host="localhost", code="abcdef"), timeout=SECONDS
    )
    assert (await refusal(look)).reason is Reason.STORE_INCOMPLETE
    assert not [key async for key in redis.scan_iter(match="*:complete")]
    issued = await caller.sessions.IssueSession(
        session_service_pb2.IssueSessionRequest(business_id=BUSINESS), timeout=SECONDS
    )
    assert issued.session.id


async def test_a_new_installation_waits_for_tracking(redis: Redis, start: Start) -> None:
    """While tracking is away nobody can tell an emptied Redis from a new one, nor businesses; then it is marked."""
    late = Tracking()
    caller = await start(tracking_target=late.target)
    assert (await refusal(caller.create())).reason is Reason.UPSTREAM_DOWN
    assert not await redis.exists("{15}:complete")
    await late.start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    assert (await caller.create()).code
    await late.stop()


async def test_redis_is_away_for_a_while(tmp_path: Path, start: Start) -> None:
    """Without Redis calls fail as unavailable, with a time to try again; when it is back, all is as it was."""
    server = redis_server(tmp_path)
    server.start()
    try:
        caller = await start(redis_url=server.url)
        link = await eventually_created(caller)
        server.stop()
        error = await refusal(caller.create())
        assert error.reason is Reason.STORE_DOWN
        assert error.retry_after_seconds
        assert (await refusal(caller.click(link))).reason is Reason.STORE_DOWN
        server.start()
        assert (await eventually_clicked(caller, link)).session
    finally:
        server.stop()


async def eventually_clicked(caller: Caller, code: str) -> redirect_service_pb2.Outcome:
    """Click a link as soon as the store answers again."""

    async def attempt() -> redirect_service_pb2.Outcome:
        try:
            return await caller.click(code)
        except aio.AioRpcError:
            return redirect_service_pb2.Outcome()

    return await eventually(attempt, lambda outcome: bool(outcome.session))


async def eventually_created(caller: Caller) -> str:
    """Create a link as soon as the store is known to be new."""

    async def attempt() -> str:
        try:
            return (await caller.create()).code
        except aio.AioRpcError:
            return ""

    return await eventually(attempt, bool)


async def test_the_process_from_start_to_stop(tmp_path: Path, tracking: Tracking) -> None:
    """The program waits for Redis without serving, serves when it is there, and stops in order on SIGTERM."""
    server = redis_server(tmp_path)
    port = free_port()
    server.start()
    server.stop()
    environment = os.environ | {
        "CLICKTRAIL_SHORTENER_LISTEN": f"127.0.0.1:{port}",
        "CLICKTRAIL_REDIS_URL": server.url,
        "CLICKTRAIL_TRACKING_TARGET": tracking.target,
        "CLICKTRAIL_LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shortener_service", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            check: Any = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set at run-time

            async def status() -> int:
                response = await check(health_pb2.HealthCheckRequest(), timeout=SECONDS, wait_for_ready=True)
                return int(response.status)

            assert await status() == health_pb2.HealthCheckResponse.NOT_SERVING
            server.start()
            await eventually(status, lambda seen: seen == health_pb2.HealthCheckResponse.SERVING)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 120) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        server.stop()


async def test_wrong_settings_are_named_at_once() -> None:
    """The program names every faulty setting and ends."""
    environment = os.environ | {
        "CLICKTRAIL_REDIS_FSYNC": "never",
        "CLICKTRAIL_SESSION_PARAMETERS": "a b",
        "CLICKTRAIL_OUTBOX_SHARDS": "0",
        "CLICKTRAIL_PUBLIC_URL": "ftp://x",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shortener_service", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, shown = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 2
    for name in ("REDIS_FSYNC", "SESSION_PARAMETERS", "OUTBOX_SHARDS", "PUBLIC_URL"):
        assert f"CLICKTRAIL_{name}" in shown.decode()
