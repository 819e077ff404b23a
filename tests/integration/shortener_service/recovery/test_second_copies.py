"""Each store has what the other one would need, and nothing of another installation."""

import grpc
import pytest
from redis.asyncio import Redis

from tests.integration.shortener_service.conftest import Start
from tests.support.shortener_service.callers import Caller, looking
from tests.support.shortener_service.restoring import held, restore
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

HOST = "go.example.com"


async def test_an_emptied_store_without_links_takes_its_secret_and_domains_by_itself(
    start: Start, shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Where no link was ever made, the next start completes the store."""
    await shortener.register(HOST)
    await eventually(looking(lambda: len(tracking.domains)), bool)
    secret = await redis.get("{0}:secret")
    await redis.flushall()
    caller = await start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    assert await redis.get("{0}:secret") == secret
    assert (await caller.create(domain=HOST)).id.startswith(HOST)


async def test_no_link_is_made_before_the_secret_has_its_copy(redis: Redis, start: Start) -> None:
    """The marker of a new store is set when tracking has the secret."""
    late = Tracking()
    await start(tracking_target=late.target)
    assert not await redis.exists("{0}:complete")
    await late.start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    assert late.secret == await redis.get("{0}:secret")
    await late.stop()


async def test_a_store_without_copies_gets_them_at_start(
    start: Start, shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """A tracking service that lost its database learns the secret and the domains anew."""
    await shortener.register(HOST)
    await eventually(looking(lambda: len(tracking.domains)), bool)
    tracking.secret = b""
    tracking.domains.clear()
    await start()
    await eventually(looking(lambda: len(tracking.domains)), bool)
    assert tracking.secret == await redis.get("{0}:secret")


async def test_another_installations_store_is_refused(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """A complete Redis whose secret is not the database's is left alone."""
    tracking.secret = b"another"
    before = await held(redis)
    with pytest.raises(grpc.aio.AioRpcError, match="two installations"):
        await restore(shortener, force=True)
    assert await held(redis) == before
