"""The shortener as its callers see it: a real server on a real Redis, before a tracking service that records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest_asyncio
from redis.asyncio import Redis

from shortener_service.bootstrap import Shortener
from shortener_service.settings import ShortenerSettings
from tests.integration.shortener.callers import Caller
from tests.integration.shortener.peers import Tracking
from tests.support.waiting import eventually

Start = Callable[..., Awaitable[Caller]]


@pytest_asyncio.fixture
async def tracking() -> AsyncIterator[Tracking]:
    """Run the service that the outbox is delivered to."""
    peer = Tracking()
    await peer.start()
    yield peer
    await peer.stop()


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Look into the store beside the service."""
    async with Redis.from_url(redis_url) as client:
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
            async with asyncio.timeout(30):
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
