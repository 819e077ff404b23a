"""Restores that are broken off, overtaken or repeated leave nothing half-done."""

import asyncio

from redis.asyncio import Redis

from clicktrail.shortener.v1 import (
    redirect_service_pb2,
    restore_service_pb2,
    restore_service_pb2_grpc,
)
from common.errors import Reason
from tests.integration.shortener_service.conftest import Start
from tests.support.shortener_service.callers import SECONDS, Caller, recipients_of, refusal
from tests.support.shortener_service.restoring import archive_all, held, restore
from tests.support.shortener_service.tracking_peer import Tracking

REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
UNAVAILABLE = redirect_service_pb2.OUTCOME_KIND_UNAVAILABLE


async def test_a_restore_that_breaks_off_is_begun_again(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """Tracking goes away half-way: unavailable, nothing is marked; the next run ends it."""
    links = [result.link for result in await shortener.create_many(recipients_of([f"p-{at}" for at in range(20)]))]
    await archive_all(tracking, 20)
    await redis.flushall()
    tracking.export_size, tracking.export_fails_at = 5, 10
    assert (await refusal(restore(shortener))).reason is Reason.UPSTREAM_DOWN
    assert not await redis.keys("*:complete")
    assert (await shortener.click("nosuch")).kind == UNAVAILABLE
    tracking.export_fails_at = None
    last = (await restore(shortener))[-1]
    assert (last.done, last.written) == (20, 10)
    assert {(await shortener.click(link.code)).kind for link in links} == {REDIRECT}


async def test_a_store_emptied_again_half_way_is_not_taken_for_complete(
    shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """The run is refused by name, no shard is marked, and the next run restores all."""
    await shortener.create_many(recipients_of([f"p-{at}" for at in range(20)]))
    await archive_all(tracking, 20)
    tracking.export_size = 5

    async def empty(at: int) -> None:
        if at == 10:
            await redis.flushall()

    tracking.before_export = empty
    await redis.flushall()
    assert (await refusal(restore(shortener))).reason is Reason.STORE_INCOMPLETE
    assert not await redis.keys("*:complete")
    tracking.before_export = type(tracking)().before_export
    assert (await restore(shortener))[-1].written == 20


async def test_restores_at_once_and_cancelled_ones_do_no_harm(
    start: Start, shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Two processes restore at the same time, after one that was cancelled: all is there once."""
    await shortener.create_many(recipients_of([f"p-{at}" for at in range(60)]))
    await archive_all(tracking, 60)
    other = await start()
    before = await held(redis)
    await redis.flushall()
    tracking.export_size = 5
    stub = restore_service_pb2_grpc.RestoreServiceStub(shortener.channel)
    call = stub.Restore(restore_service_pb2.RestoreRequest(), timeout=SECONDS)
    async for answer in call:
        if answer.done >= 10:
            call.cancel()
            break
    await asyncio.gather(*(restore(caller) for caller in (shortener, other, shortener)))
    assert await held(redis) == before
    assert (await shortener.create()).code
