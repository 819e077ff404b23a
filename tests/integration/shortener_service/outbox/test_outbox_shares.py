"""A business that fills the outbox takes the room of no other."""

import itertools
from collections.abc import Awaitable

import grpc
import pytest
from redis.asyncio import Redis

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1 import session_service_pb2
from common.errors import Reason
from common.ids import new_nonce
from shortener_service.links.store import bucket_of
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import SECONDS, Caller, hit, looking, refusal
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

REDIRECT, UNAVAILABLE = pb.OUTCOME_KIND_REDIRECT, pb.OUTCOME_KIND_UNAVAILABLE
# Entries of the shard that all of this goes to.
ROOM = 32
SHARDS = 16
OUTBOX, COUNTS = "{0}:outbox", "{0}:counts"


def here() -> bytes:
    """Return the nonce of a hit, or of a session, of that shard."""
    return b"\0" + new_nonce()[1:]


def ask_for_session(shortener: Caller, business_id: str) -> Awaitable[session_service_pb2.IssueSessionResponse]:
    """Ask for a session of a business."""
    request = session_service_pb2.IssueSessionRequest(business_id=business_id, nonce=here())
    return shortener.sessions.IssueSession(request, timeout=SECONDS)


def code_here() -> str:
    """Return a code of a link that is kept in that shard."""
    codes = (f"{number:06}" for number in itertools.count())
    return next(code for code in codes if bucket_of(code) % SHARDS == 0)


async def clicks_until_refused(shortener: Caller, code: str) -> int:
    """Click until there is no room, and return how many clicks were taken."""
    for taken in range(ROOM + 1):
        if (await shortener.click(code, nonce=here())).kind == UNAVAILABLE:
            return taken
    pytest.fail("it is never full")


@pytest.mark.usefixtures("shortener")
@on_a_cluster_too
async def test_a_business_that_fills_the_outbox_leaves_room_for_others(
    start: Start, tracking: Tracking, redis: Redis
) -> None:
    """For their clicks, sessions and links, also where their hits come with its own; all of it is delivered once."""
    small = await start(outbox_limit=SHARDS * ROOM)
    evil, calm = await small.create(business_id="evil"), await small.create(business_id="calm")
    await eventually(looking(lambda: tracking.links), lambda seen: len(seen) == 2)
    await eventually(lambda: redis.xlen(OUTBOX), lambda length: length == 0)
    tracking.refusals = [grpc.StatusCode.UNAVAILABLE] * 10_000
    assert await clicks_until_refused(small, evil.code) == ROOM * 3 // 4
    for more in (ask_for_session(small, "evil"), small.create(business_id="evil", code=code_here())):
        assert (await refusal(more)).reason is Reason.OUTBOX_FULL
    together = await small.resolve(hit(evil.code, nonce=here()), hit(calm.code, nonce=here()))
    assert [outcome.kind for outcome in together] == [UNAVAILABLE, REDIRECT]
    assert (await small.click(calm.code, nonce=here())).kind == REDIRECT
    await ask_for_session(small, "calm")
    await small.create(business_id="calm", code=code_here())
    assert await redis.hgetall(COUNTS) == {b"evil": b"8", b"calm": b"4"}
    tracking.refusals.clear()
    clicks = await eventually(looking(lambda: tracking.clicks), lambda seen: len(seen) >= ROOM * 3 // 4 + 2)
    assert len({click.id for click in clicks}) == ROOM * 3 // 4 + 2
    await eventually(lambda: redis.xlen(OUTBOX), lambda length: length == 0)
    assert await redis.exists(COUNTS) == 0
    assert (await small.click(evil.code, nonce=here())).kind == REDIRECT
