"""The shortener as its callers see it: a real server on a real Redis, before a tracking service that records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster as ClusterClient

from shortener_service.bootstrap import Shortener
from shortener_service.redis.addresses import addresses_in
from shortener_service.settings import ShortenerSettings
from tests.support.redis_cluster import RedisCluster
from tests.support.shortener_service.callers import Caller
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

Start = Callable[..., Awaitable[Caller]]

on_a_cluster_too = pytest.mark.parametrize("redis_kind", ["single", "cluster"], indirect=True)
"""Runs a test once with one Redis and once with three."""


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Run a cluster for all tests that leave it as it was."""
    cluster = RedisCluster(tmp_path_factory.mktemp("redis-cluster") / "nodes")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def redis_kind(request: pytest.FixtureRequest) -> str:
    """Return which kind of Redis a test is for."""
    return str(getattr(request, "param", "single"))


@pytest_asyncio.fixture
async def redis_url(request: pytest.FixtureRequest, redis_kind: str, redis_url: str) -> str:
    """Return the address of an empty store of that kind."""
    if redis_kind == "single":
        return redis_url
    cluster: RedisCluster = request.getfixturevalue("redis_cluster")
    cluster.empty()
    return cluster.url


@pytest_asyncio.fixture
async def tracking() -> AsyncIterator[Tracking]:
    """Run the service that the outbox is delivered to."""
    peer = Tracking()
    await peer.start()
    yield peer
    await peer.stop()


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis | ClusterClient]:
    """Look into the store beside the service."""
    first = addresses_in(redis_url)[0]
    is_single = first == redis_url
    async with Redis.from_url(first) if is_single else ClusterClient.from_url(first) as client:
        yield client


@pytest_asyncio.fixture
async def start(redis_url: str, tracking: Tracking) -> AsyncIterator[Start]:
    """Return what starts a shortener with the settings given, and connects to it."""
    async with AsyncExitStack() as stack:

        async def begin(**settings: object) -> Caller:
            values = {
                "shortener_listen": "127.0.0.1:0",
                "redis_url": redis_url,
                "tracking_target": tracking.target,
                "drain_seconds": 1,
            }
            shortener = Shortener(ShortenerSettings.model_validate(values | settings))
            stack.push_async_callback(shortener.stop)
            async with asyncio.timeout(120):
                await shortener.start()
            caller = Caller(shortener)
            stack.push_async_callback(caller.channel.close)
            await caller.channel.channel_ready()
            return caller

        yield begin


@pytest_asyncio.fixture
async def shortener(start: Start, redis: Redis) -> Caller:
    """Start a shortener on an empty store, and wait until it knows that it is a new one."""
    caller = await start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    return caller
