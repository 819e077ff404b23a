"""The relay: nothing is lost, whatever happens to tracking or to a process."""

import grpc
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from clicktrail.shortener.v1.outbox_service_pb2 import AwaitDeliveryRequest
from clicktrail.tracking.v1 import relay_service_pb2
from common.ids import new_nonce
from shortener_service.outbox.store import GROUP
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import SECONDS, Caller, hit, looking
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

DIE_WITH_IT = """
redis.call('XADD', KEYS[1], '*', 'd', ARGV[1])
return redis.call('XREADGROUP', 'GROUP', ARGV[2], 'dead', 'STREAMS', KEYS[1], '>')
"""


async def outbox_lengths(redis: Redis) -> int:
    """Return how many entries wait, pending ones included."""
    return sum([await redis.xlen(f"{{{shard}}}:outbox") for shard in range(16)])


async def until_empty(redis: Redis) -> None:
    """Wait until everything is delivered and removed."""
    await eventually(lambda: outbox_lengths(redis), lambda length: length == 0)


def sessions_of(tracking: Tracking) -> set[str]:
    """Return the sessions of all clicks delivered."""
    return {click.session for click in tracking.clicks}


async def click_often(shortener: Caller, code: str, times: int) -> set[str]:
    """Click in batches of one, and return the sessions."""
    return {(await shortener.click(code)).session for _ in range(times)}


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        # Our key is not the one that tracking knows.
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    ],
)
async def test_failed_deliveries_are_repeated(
    shortener: Caller, tracking: Tracking, redis: Redis, code: grpc.StatusCode
) -> None:
    """What tracking does not take is delivered again until it does, and only then removed."""
    link = await shortener.create()
    await until_empty(redis)
    tracking.refusals = [code] * 4
    clicked = await click_often(shortener, link.code, 10)
    await until_empty(redis)
    assert sessions_of(tracking) == clicked
    assert not tracking.refusals


async def test_a_lost_reply_delivers_twice(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """Where only the reply was lost, the same bytes are delivered again: twice, never not at all."""
    link = await shortener.create()
    await until_empty(redis)
    tracking.deliveries.clear()
    tracking.drop_replies = 1
    clicked = await click_often(shortener, link.code, 1)
    await until_empty(redis)
    assert sessions_of(tracking) == clicked
    assert len(tracking.clicks) == 2
    assert tracking.clicks[0] == tracking.clicks[1]


@on_a_cluster_too
async def test_tracking_is_away_for_a_while(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """Redirects go on while tracking is away, and everything is delivered when it is back."""
    link = await shortener.create()
    await until_empty(redis)
    tracking.refusals = [grpc.StatusCode.UNAVAILABLE] * 3
    clicked = await click_often(shortener, link.code, 50)
    await eventually(looking(lambda: tracking.asked), lambda asked: asked >= 3)
    await until_empty(redis)
    assert sessions_of(tracking) == clicked


async def test_a_refused_entry_stops_nobody(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """An entry that tracking refuses as faulty stays in the outbox; all others are delivered."""
    link = await shortener.create()
    await until_empty(redis)
    tracking.poison = b"poisoned-referrer"
    clicked = await click_often(shortener, link.code, 5)
    poisoned = (await shortener.click(link.code, referrer="poisoned-referrer")).session
    clicked |= await click_often(shortener, link.code, 5)
    await eventually(lambda: outbox_lengths(redis), lambda length: length == 1)
    assert sessions_of(tracking) == clicked
    assert poisoned not in clicked


@on_a_cluster_too
async def test_a_refused_entry_is_tried_again(
    start: Start, shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """An entry that was refused is delivered once tracking takes it."""
    patient = await start(relay_claim_seconds=0.2)
    link = await shortener.create()
    tracking.poison = b"poisoned-referrer"
    session = (await patient.click(link.code, referrer="poisoned-referrer")).session
    await eventually(lambda: outbox_lengths(redis), lambda length: length == 1)
    tracking.poison = b""
    await until_empty(redis)
    assert session in sessions_of(tracking)


@on_a_cluster_too
async def test_a_dead_consumers_entries_are_claimed(
    start: Start, shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """What a process read and never removed, because it died, is delivered by a living one."""
    await shortener.create()
    await until_empty(redis)
    delivery = relay_service_pb2.DeliverRequest()
    delivery.clicks.add(session="of the dead")
    # In one step: the living would read it between two.
    assert await redis.eval(DIE_WITH_IT, 1, "{7}:outbox", delivery.SerializeToString(), GROUP)
    await start(relay_claim_seconds=0.2)
    await until_empty(redis)
    assert "of the dead" in sessions_of(tracking)


@on_a_cluster_too
@pytest.mark.usefixtures("shortener")
async def test_another_processes_entries_are_found(tracking: Tracking, redis: Redis) -> None:
    """Entries that another process appended are delivered too."""
    delivery = relay_service_pb2.DeliverRequest()
    delivery.clicks.add(session="from elsewhere")
    await redis.xadd("{9}:outbox", {"d": delivery.SerializeToString()})
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: "from elsewhere" in seen)
    await until_empty(redis)


@on_a_cluster_too
@pytest.mark.usefixtures("shortener")
async def test_a_process_leaves_without_a_trace(start: Start, redis: Redis) -> None:
    """A process that stops in order removes its consumers; the others stay."""
    other = await start()
    await eventually(lambda: consumers_of(redis), lambda names: len(names) == 2)
    await other.shortener.stop()
    assert len(await consumers_of(redis)) == 1


async def test_a_process_leaves_what_it_has_not_delivered(start: Start, tracking: Tracking, redis: Redis) -> None:
    """A process that stops while tracking refuses stays a consumer of what it has read; the next one delivers it."""
    leaving = await start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    link = await leaving.create()
    tracking.poison = b"poisoned-referrer"
    session = (await leaving.click(link.code, referrer="poisoned-referrer", nonce=b"\0" + new_nonce()[1:])).session
    await eventually(lambda: redis.xpending("{0}:outbox", GROUP), lambda summary: summary["pending"] == 1)
    await leaving.shortener.stop()
    assert len(await consumers_of(redis)) == 1
    tracking.poison = b""
    await start(relay_claim_seconds=0.2)
    await until_empty(redis)
    assert session in sessions_of(tracking)


async def consumers_of(redis: Redis) -> set[object]:
    """Return who consumes the first shard."""
    try:
        return {consumer["name"] for consumer in await redis.xinfo_consumers("{0}:outbox", GROUP)}
    except ResponseError:
        # There is no such group yet.
        return set()


@on_a_cluster_too
async def test_an_emptied_redis_gets_its_group_again(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """When Redis has lost its groups, they are created again from the first entry on."""
    await shortener.create()
    await until_empty(redis)
    for shard in range(16):
        await redis.delete(f"{{{shard}}}:outbox")
    delivery = relay_service_pb2.DeliverRequest()
    delivery.clicks.add(session="after the loss")
    await redis.xadd("{2}:outbox", {"d": delivery.SerializeToString()})
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: "after the loss" in seen)
    await until_empty(redis)


async def test_a_backlog_is_delivered_in_pieces(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """A large backlog is delivered whole, in several deliveries, each within what a call may carry."""
    link = await shortener.create()
    await until_empty(redis)
    tracking.deliveries.clear()
    tracking.refusals = [grpc.StatusCode.UNAVAILABLE] * 5
    clicked: set[str] = set()
    for _ in range(8):
        outcomes = await shortener.resolve(*(hit(link.code, referrer="r" * 1_000) for _ in range(500)))
        clicked |= {outcome.session for outcome in outcomes}
    await until_empty(redis)
    assert sessions_of(tracking) == clicked
    assert max(delivery.ByteSize() for delivery in tracking.deliveries) < 4 * 1024 * 1024


@on_a_cluster_too
async def test_delivery_of_what_is_on_its_way_is_waited_for(shortener: Caller, tracking: Tracking) -> None:
    """Once it is told, tracking has every link of before; what comes meanwhile is not waited for."""
    for number in range(20):
        link = await shortener.create(campaign=f"c{number}")
        answer = await shortener.outbox.AwaitDelivery(AwaitDeliveryRequest(), timeout=SECONDS)
        assert answer.is_delivered
        assert link.id in {copy.link.id for copy in tracking.links}


async def test_what_does_not_arrive_is_not_waited_for_for_long(shortener: Caller, tracking: Tracking) -> None:
    """It is told that something is on its way still, until it has arrived."""
    tracking.refusals = [grpc.StatusCode.UNAVAILABLE] * 1_000
    await shortener.create()
    assert not (await shortener.outbox.AwaitDelivery(AwaitDeliveryRequest(), timeout=SECONDS)).is_delivered
    tracking.refusals = []

    async def look() -> bool:
        return bool((await shortener.outbox.AwaitDelivery(AwaitDeliveryRequest(), timeout=SECONDS)).is_delivered)

    assert await eventually(look, bool)
