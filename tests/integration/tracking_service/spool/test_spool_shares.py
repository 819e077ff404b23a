"""A business that fills the spool takes the room of no other."""

from pathlib import Path

import pytest
from grpc import aio

from cli.embedded.server_process import ServerProcess
from clicktrail.tracking.v1 import event_pb2
from common.errors import Kind, Reason
from common.rpc.errors import from_rpc_error
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, REJECTED, event, submission
from tests.support.tracking_service.spooling import Running, files, outage, rows, running

__all__ = ["outage"]

LIMIT = 1_200_000
HELD = "SELECT business_id, count(*), count(DISTINCT id) FROM events GROUP BY 1 ORDER BY 1"


def large(business_id: str, key: str | None = None) -> event_pb2.Submission:
    """Return an event of some five kilobytes."""
    return submission(event(metadata={"text": "x" * 5_000}), key=key, business_id=business_id)


async def until_refused(site: Running, business_id: str, keys: str = "k") -> int:
    """Send events of a business until one is refused for want of room, and return how many were taken."""
    for taken in range(1_000):
        try:
            await site.track(large(business_id, f"{keys}{taken}"))
        except aio.AioRpcError as error:
            refusal = from_rpc_error(error)
            assert refusal is not None
            assert refusal.reason is Reason.SPOOL_FULL
            return taken
    pytest.fail("it is never refused")


async def test_a_business_that_fills_the_spool_leaves_room_for_others(
    outage: ServerProcess, postgres_url: str, tmp_path: Path
) -> None:
    """What others send is taken, alone and beside what is refused, and all that was taken is stored once."""
    async with running(postgres_url, tmp_path, spool_limit_bytes=LIMIT) as site:
        for business_id in ("calm", "evil"):
            await site.create_business(business_id)
            await site.until_known(business_id)
        outage.kill()
        taken = await until_refused(site, "evil")
        error = await site.refusal(large("evil"), large("evil"))
        assert (error.kind, error.reason) == (Kind.UNAVAILABLE, Reason.SPOOL_FULL)
        for _ in range(10):
            (alone,) = await site.track(large("calm"))
            assert alone.status == ACCEPTED
            evil, calm, known = await site.track(large("evil"), large("calm"), large("evil", "k0"))
            assert (evil.status, [fault.type for fault in evil.errors]) == (REJECTED, ["unavailable"])
            assert (calm.status, known.status) == (ACCEPTED, DUPLICATE)
        assert sum(path.stat().st_size for path in files(tmp_path)) < LIMIT
        outage.start()
        await site.until_replayed()
        assert await rows(postgres_url, HELD) == [("calm", 20, 20), ("evil", taken, taken)]
        outage.kill()
        (again,) = await site.track(large("evil"))
        assert again.status == ACCEPTED
        outage.start()


async def test_a_restart_gives_nobody_all_that_is_left(
    outage: ServerProcess, postgres_url: str, tmp_path: Path
) -> None:
    """Who held how much is forgotten then; what is left is shared anew."""
    async with running(postgres_url, tmp_path, spool_limit_bytes=LIMIT) as site:
        for business_id in ("calm", "evil"):
            await site.create_business(business_id)
            await site.until_known(business_id)
        outage.kill()
        before = await until_refused(site, "evil")
    async with running(postgres_url, tmp_path, spool_limit_bytes=LIMIT) as site:
        assert 0 < await until_refused(site, "evil", "later") < before
        (calm,) = await site.track(large("calm"))
        assert calm.status == ACCEPTED
        outage.start()
        await site.until_replayed()
