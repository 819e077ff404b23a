"""The spool outlives its process, and so does what events and credentials are judged by."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from cli.embedded.ports import free_port
from cli.embedded.privileges import dying_with_us
from cli.embedded.server_process import ServerProcess
from common.errors import Kind, Reason
from common.rpc.channels import open_channel
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import failure
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, REJECTED, Stub, event, submission, track
from tests.support.tracking_service.spooling import SECONDS, Running, files, outage, rows, running, site, stored

__all__ = ["outage", "site"]


@asynccontextmanager
async def process(postgres_url: str, folder: Path) -> AsyncIterator[tuple["subprocess.Popen[bytes]", Stub]]:
    """Run the service as a process of its own, that ends by SIGKILL."""
    port = free_port()
    environment = os.environ | {
        "CLICKTRAIL_TRACKING_LISTEN": f"127.0.0.1:{port}",
        "CLICKTRAIL_POSTGRES_URL": as_service(postgres_url),
        "CLICKTRAIL_SPOOL_DIR": str(folder),
    }
    command = dying_with_us([sys.executable, "-m", "tracking_service"], "KILL")
    service = subprocess.Popen(command, env=environment)  # noqa: ASYNC220, S603  (our own command; starting it takes no time)
    try:
        async with open_channel(f"ipv4:127.0.0.1:{port}") as channel:
            async with asyncio.timeout(SECONDS):
                await channel.channel_ready()
            yield service, Stub(channel)
    finally:
        service.kill()
        service.wait()


async def test_a_restart_during_the_outage(outage: ServerProcess, postgres_url: str, spool_dir: Path) -> None:
    """The new process serves, judges, authenticates, and knows what the old one took in."""
    async with running(postgres_url, spool_dir) as early:
        await early.create_business("shop")
        token = (await early.create_token("shop")).token
        await early.until_known(token)
        outage.kill()
        (first,) = await early.track(submission(event(), key="k"))
    async with running(postgres_url, spool_dir) as later:
        assert await later.is_serving()
        assert (await later.authenticate(token)).business_id == "shop"
        again, wrong, new = await later.track(
            submission(event(), key="k"), submission(event(amount="ten")), submission(event(), minutes=1)
        )
        assert [again.status, wrong.status, new.status] == [DUPLICATE, REJECTED, ACCEPTED]
        assert again.id == first.id
        outage.start()
        await later.until_replayed()
        assert await stored(postgres_url) == [first.id, new.id]


async def test_credentials_during_an_outage(site: Running, outage: ServerProcess) -> None:
    """Those that are known are answered; of another nobody can say that it is wrong."""
    token, revoked = [(await site.create_token("shop")) for _ in range(2)]
    await site.until_known(revoked.token)
    await site.revoke_token("shop", revoked.id)
    await site.until_known(revoked.token, is_known=False)
    await site.until_known(token.token)
    outage.kill()
    assert (await site.authenticate(token.token)).business_id == "shop"
    assert list((await site.authenticate("shop")).origins) == []
    for unknown in (revoked.token, "ct_" + "0" * 43, "another"):
        error = await failure(site.authenticate(unknown))
        assert (error.kind, error.reason) == (Kind.UNAVAILABLE, Reason.STORE_DOWN)
        assert error.retry_after_seconds


async def test_a_store_that_is_there_and_does_not_answer(site: Running, postgres_url: str) -> None:
    """A credential is judged by the last known accounts, and an event goes to the spool."""
    connection = await asyncpg.connect(postgres_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE businesses, event_keys IN ACCESS EXCLUSIVE MODE")
            assert (await site.authenticate("shop")).business_id == "shop"
            (receipt,) = await site.track(submission(event()))
    finally:
        await connection.close()
    assert receipt.status == ACCEPTED
    await site.until_replayed()
    assert await stored(postgres_url) == [receipt.id]


async def test_accounts_are_followed(site: Running, outage: ServerProcess) -> None:
    """What a business is set to last is what it is judged by."""
    await site.create_business("peso", currency="UYU", origins=["https://shop.example.com"])
    await site.until_known("peso")
    outage.kill()
    assert list((await site.authenticate("peso")).origins) == ["https://shop.example.com"]


async def test_a_dead_process_leaves_its_file_to_another(
    site: Running, outage: ServerProcess, postgres_url: str, spool_dir: Path
) -> None:
    """What it had acknowledged when it was killed is stored by one that runs."""
    async with process(postgres_url, spool_dir) as (dying, stub):
        outage.kill()
        receipts = await track(stub, *(submission(event(), key=f"k{n}", minutes=n) for n in range(50)))
        (own,) = await site.track(submission(event(), minutes=60))
        assert {receipt.status for receipt in (*receipts, own)} == {ACCEPTED}
        assert len(files(spool_dir, "events-*.sqlite")) == 2
        dying.send_signal(signal.SIGKILL)
        dying.wait()
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [receipt.id for receipt in (*receipts, own)]


async def test_processes_share_a_folder_but_no_file(
    site: Running, outage: ServerProcess, postgres_url: str, spool_dir: Path
) -> None:
    """The same event taken in by both is stored once; emptied files are gone."""
    async with running(postgres_url, spool_dir) as second:
        outage.kill()
        first = await site.track(submission(event(), key="same"), submission(event(), key="a", minutes=1))
        other = await second.track(submission(event(), key="same"), submission(event(), key="b", minutes=2))
        assert {receipt.status for receipt in (*first, *other)} == {ACCEPTED}
        assert len(files(spool_dir, "events-*.sqlite")) == 2
        outage.start()
        await site.until_replayed()
        await second.until_replayed()
    assert await stored(postgres_url) == [first[0].id, first[1].id, other[1].id]
    assert await rows(postgres_url, "SELECT * FROM rejected") == []


async def test_a_service_that_is_stopped_loses_nothing(
    outage: ServerProcess, postgres_url: str, spool_dir: Path
) -> None:
    """What it had acknowledged is stored by the next one; no file stays behind."""
    async with running(postgres_url, spool_dir) as early:
        await early.create_business("shop")
        outage.kill()
        (receipt,) = await early.track(submission(event()))
    outage.start()
    async with running(postgres_url, spool_dir) as later:
        await later.until_replayed()
        assert await stored(postgres_url) == [receipt.id]
    assert files(spool_dir) == []
