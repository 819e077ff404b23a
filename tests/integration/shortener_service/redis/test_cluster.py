"""A Redis cluster as a whole: one node away, and slots that move."""

import asyncio
from collections.abc import Iterator

import grpc
import pytest
from grpc import aio
from redis.crc import key_slot

from cli.embedded.server_process import ServerProcess
from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from common.errors import Reason
from common.ids import new_nonce, session_from_nonce
from shortener_service.errors import UnsuitableStoreError
from tests.integration.shortener_service.conftest import Start
from tests.support.redis_cluster import MASTERS, RedisCluster
from tests.support.shortener_service.callers import Caller, hit, looking, refusal
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

SHARDS = 16


pytestmark = pytest.mark.parametrize("redis_kind", ["cluster"], indirect=True)


@pytest.fixture(autouse=True)
def cluster(redis_cluster: RedisCluster) -> Iterator[RedisCluster]:
    """Run a cluster that the test may do anything to that can be healed."""
    yield redis_cluster
    redis_cluster.heal()


def slot_of(shard: int) -> int:
    """Return the slot that a shard lies in."""
    return key_slot(f"{{{shard}}}:outbox".encode())


def shards_of(cluster: RedisCluster, number: int) -> list[int]:
    """Return the shards that a node has."""
    return [shard for shard in range(SHARDS) if cluster.owner_of(slot_of(shard)) == number]


def nonce_of(shard: int) -> bytes:
    """Return the chance of a hit whose click goes to a shard."""
    return bytes([shard]) + new_nonce()[1:]


def sessions_of(tracking: Tracking) -> set[str]:
    """Return the sessions of all clicks delivered."""
    return {click.session for click in tracking.clicks}


def waiting(cluster: RedisCluster) -> int:
    """Return how many entries of the outbox there are."""
    return sum(cluster.tell(cluster.owner_of(slot_of(shard)), "XLEN", f"{{{shard}}}:outbox") for shard in range(SHARDS))


async def recovered(shortener: Caller) -> bool:
    """Tell whether links can be created."""
    try:
        return bool((await shortener.create()).code)
    except aio.AioRpcError:
        return False


async def redirects(shortener: Caller, code: str) -> bool:
    """Tell whether a link redirects."""
    try:
        return (await shortener.click(code)).kind == pb.OUTCOME_KIND_REDIRECT
    except aio.AioRpcError:
        return False


async def on_each_node(shortener: Caller, cluster: RedisCluster, count: int) -> dict[int, str]:
    """Create links until each node has one, and return their codes by node."""
    codes: dict[int, str] = {}
    for number in range(count):
        link = await shortener.create(code=f"code-{number}")
        owner = next(
            node
            for node in range(MASTERS)
            if any(
                link.code.encode() in cluster.tell(node, "HKEYS", key) for key in cluster.tell(node, "KEYS", "*:l:*")
            )
        )
        codes.setdefault(owner, link.code)
        if len(codes) == MASTERS:
            return codes
    raise AssertionError(codes)


async def test_one_node_away_stops_nobody_else(shortener: Caller, cluster: RedisCluster, tracking: Tracking) -> None:
    """Links of the living nodes go on, clicked before or not; clicks of the dead one's shards go to tracking."""
    codes = await on_each_node(shortener, cluster, 200)
    dead = cluster.owner_of(slot_of(5))
    living = next(node for node in range(MASTERS) if node != dead)
    cluster.servers[dead].kill()
    nonces = [nonce_of(shard) for shard in range(SHARDS)]
    outcomes = await shortener.resolve(*(hit(codes[living], nonce=nonce) for nonce in nonces))
    assert {outcome.kind for outcome in outcomes} == {pb.OUTCOME_KIND_REDIRECT}
    of_both = await shortener.resolve(hit(codes[living]), hit(codes[dead]))
    assert [outcome.kind for outcome in of_both] == [pb.OUTCOME_KIND_REDIRECT, pb.OUTCOME_KIND_UNAVAILABLE]
    # The relay goes on with the living ones' shards, however long the other is away.
    wanted = {session_from_nonce(nonce) for nonce in nonces}
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: wanted <= seen)
    late = nonce_of(shards_of(cluster, living)[0])
    await shortener.click(codes[living], nonce=late)
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: session_from_nonce(late) in seen)
    await asyncio.to_thread(cluster.heal)
    await eventually(lambda: redirects(shortener, codes[dead]), bool)


async def test_what_waits_on_a_node_that_was_away_is_delivered(
    shortener: Caller, cluster: RedisCluster, tracking: Tracking
) -> None:
    """Clicks that a node had when it died are delivered when it is back, those read already too."""
    link = await shortener.create()
    await shortener.click(link.code)
    tracking.refusals = [grpc.StatusCode.UNAVAILABLE] * 1_000
    nonces = [nonce_of(shard) for shard in range(SHARDS)]
    await shortener.resolve(*(hit(link.code, nonce=nonce) for nonce in nonces))
    dead = cluster.owner_of(slot_of(0))
    cluster.servers[dead].kill()
    tracking.refusals.clear()
    own = {session_from_nonce(nonce) for shard, nonce in enumerate(nonces) if cluster.owner_of(slot_of(shard)) != dead}
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: own <= seen)
    await asyncio.to_thread(cluster.heal)
    wanted = {session_from_nonce(nonce) for nonce in nonces}
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: wanted <= seen)
    await eventually(looking(lambda: waiting(cluster)), lambda entries: entries == 0)


async def test_a_slot_that_moves_is_followed(shortener: Caller, cluster: RedisCluster, tracking: Tracking) -> None:
    """While and after a shard goes to another node, its clicks are kept and its links found."""
    link = await shortener.create()
    nonces: list[bytes] = []

    async def click() -> None:
        nonces.append(nonce_of(3))
        outcomes = await shortener.resolve(hit(link.code, nonce=nonces[-1]))
        assert outcomes[0].kind == pb.OUTCOME_KIND_REDIRECT

    slot = slot_of(3)
    target = (cluster.owner_of(slot) + 1) % MASTERS
    await click()
    cluster.begin_move(slot, target)
    await click()
    cluster.end_move(slot, target)
    await click()
    assert cluster.owner_of(slot) == target
    assert b"{3}:s:" + session_from_nonce(nonces[-1]).encode() in cluster.tell(target, "KEYS", "{3}:s:*")
    wanted = {session_from_nonce(nonce) for nonce in nonces}
    await eventually(looking(lambda: sessions_of(tracking)), lambda seen: wanted <= seen)
    # What cannot be acknowledged while its slot moves is delivered again, as the same click.
    assert len({(click.id, click.session) for click in tracking.clicks}) == len(wanted)


async def test_a_key_on_its_way_is_found(shortener: Caller, cluster: RedisCluster) -> None:
    """A link in a slot that is being moved is read where it is, before its slot has arrived there."""
    codes = await on_each_node(shortener, cluster, 200)
    source, code = next(iter(codes.items()))
    bucket = next(
        key for key in cluster.tell(source, "KEYS", "*:l:*") if code.encode() in cluster.tell(source, "HKEYS", key)
    )
    slot, target = key_slot(bucket), (source + 1) % MASTERS
    cluster.begin_move(slot, target)
    cluster.move_keys(slot, target)
    assert (await shortener.click(code)).kind == pb.OUTCOME_KIND_REDIRECT
    cluster.end_move(slot, target)
    assert (await shortener.click(code)).kind == pb.OUTCOME_KIND_REDIRECT


@pytest.mark.parametrize("node", range(MASTERS))
async def test_each_node_must_keep_what_it_is_given(start: Start, cluster: RedisCluster, node: int) -> None:
    """A cluster of which one node would lose data is refused."""
    cluster.tell(node, "CONFIG SET", "appendonly", "no")
    try:
        with pytest.raises(UnsuitableStoreError, match="appendonly yes"):
            await start()
    finally:
        cluster.tell(node, "CONFIG SET", "appendonly", "yes")


async def test_any_node_leads_to_the_others(start: Start, cluster: RedisCluster) -> None:
    """One living node is enough of an address; one that is away is passed over."""
    caller = await start(redis_url=cluster.servers[1].url)
    await eventually(lambda: recovered(caller), bool)
    dead = cluster.servers[0].url.replace(f":{cluster.servers[0].port}", ":1,127.0.0.1:{port}")
    other = await start(redis_url=dead.format(port=cluster.servers[2].port))
    assert (await other.create()).code


async def test_several_servers_that_are_no_cluster_are_refused(start: Start, redis_server: ServerProcess) -> None:
    """Two addresses of what is no cluster are a mistake that is named."""
    twice = redis_server.url.replace("/0", ",127.0.0.1:1/0")
    with pytest.raises(UnsuitableStoreError, match="no cluster"):
        await start(redis_url=twice)


async def test_a_cluster_without_a_majority_is_an_outage(shortener: Caller, cluster: RedisCluster) -> None:
    """Where most nodes are gone, the last one refuses to write: creation is refused as in an outage."""
    for server in cluster.servers[1:]:
        server.kill()
    error = await refusal(shortener.create())
    assert error.reason is Reason.STORE_DOWN
    assert error.retry_after_seconds
