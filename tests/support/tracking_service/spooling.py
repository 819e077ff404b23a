"""The service on a spool of the test's, before a PostgreSQL that goes away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.embedded.server_process import ServerProcess
from clicktrail.tracking.v1 import account_service_pb2 as accounts_pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, event_pb2
from common.errors import ClicktrailError
from common.rpc.channels import open_channel
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import failure
from tests.support.tracking_service.events import Stub, track
from tests.support.waiting import eventually
from tracking_service.accounts.business import hash_of, is_token
from tracking_service.bootstrap import TrackingService, build
from tracking_service.settings import TrackingSettings

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs, and a way to call it."""

    service: TrackingService
    channel: aio.Channel

    async def track(self, *submissions: event_pb2.Submission) -> list[event_pb2.Receipt]:
        """Track a batch of events."""
        return await track(Stub(self.channel), *submissions)

    async def refusal(self, *submissions: event_pb2.Submission) -> ClicktrailError:
        """Return why a batch is not taken."""
        return await failure(self.track(*submissions))

    async def authenticate(self, credential: str) -> accounts_pb.AuthenticateResponse:
        """Judge a credential."""
        request = accounts_pb.AuthenticateRequest(credential=credential)
        return await account_service_pb2_grpc.AccountServiceStub(self.channel).Authenticate(request, timeout=SECONDS)

    async def create_business(self, business_id: str, **fields: Any) -> None:
        """Create a business."""
        business = accounts_pb.Business(id=business_id, name="A shop", **fields)
        stub = account_service_pb2_grpc.AccountServiceStub(self.channel)
        await stub.CreateBusiness(accounts_pb.CreateBusinessRequest(business=business), timeout=SECONDS)

    async def create_token(self, business_id: str) -> accounts_pb.Token:
        """Create a token."""
        stub = account_service_pb2_grpc.AccountServiceStub(self.channel)
        request = accounts_pb.CreateTokenRequest(business_id=business_id, name="a server")
        return (await stub.CreateToken(request, timeout=SECONDS)).token

    async def revoke_token(self, business_id: str, token_id: str) -> None:
        """Revoke a token."""
        stub = account_service_pb2_grpc.AccountServiceStub(self.channel)
        await stub.RevokeToken(accounts_pb.RevokeTokenRequest(business_id=business_id, id=token_id), timeout=SECONDS)

    async def is_serving(self) -> bool:
        """Tell what its health is."""
        stub: Any = health_pb2_grpc.HealthStub(self.channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def until_known(self, credential: str, *, is_known: bool = True) -> None:
        """Wait until a credential is among those that are remembered, or no longer."""
        accounts = self.service._fallback.accounts

        async def look() -> bool:
            if is_token(credential):
                return await accounts.by_token(hash_of(credential)) is not None
            return credential in await accounts.by_id([credential])

        await eventually(look, lambda seen: seen is is_known)

    async def until_replayed(self) -> None:
        """Wait until nothing is left in the spool."""
        spool = self.service._fallback.replay._spool
        await eventually(spool.oldest, lambda batch: batch is None)


@asynccontextmanager
async def running(postgres_url: str, folder: Path, **settings: Any) -> AsyncIterator[Running]:
    """Run the service; it is stopped afterwards, as by SIGTERM."""
    told = {"tracking_listen": "127.0.0.1:0", "spool_dir": folder, "drain_seconds": 1}
    told["postgres_url"] = as_service(postgres_url)
    service = await build(TrackingSettings.model_validate(told | settings))
    await service.start()
    try:
        async with asyncio.timeout(SECONDS):
            await service.until_serving()
        async with open_channel(f"ipv4:127.0.0.1:{service.port}") as channel:
            await channel.channel_ready()
            yield Running(service, channel)
    finally:
        await service.stop()


@pytest.fixture
def outage(postgres_server: ServerProcess, postgres_url: str) -> Iterator[ServerProcess]:  # noqa: ARG001  (the database is made before the outage)
    """Lend the server, to be stopped; it runs again afterwards."""
    yield postgres_server
    if not postgres_server.is_running:
        postgres_server.start()


@pytest_asyncio.fixture
async def site(postgres_url: str, spool_dir: Path, outage: ServerProcess) -> AsyncIterator[Running]:
    """Run the service with a business, `shop`, whose last known account is on the disk."""
    async with running(postgres_url, spool_dir) as site:
        await site.create_business("shop")
        await site.until_known("shop")
        yield site
        if not outage.is_running:
            outage.start()


async def rows(postgres_url: str, query: str) -> list[tuple[Any, ...]]:
    """Return what a query finds."""
    connection = await asyncpg.connect(postgres_url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def stored(postgres_url: str) -> list[str]:
    """Return the ids of all events, in the order of their times."""
    return [str(id_) for (id_,) in await rows(postgres_url, "SELECT id FROM events ORDER BY received_at, id")]


def files(folder: Path, pattern: str = "events-*") -> list[Path]:
    """Return the files of a spool, as they are on the disk now."""
    return sorted(folder.glob(pattern))


def freeze(server: ServerProcess) -> None:
    """Stop a PostgreSQL in the middle of whatever it does, with all its children."""
    _signal_all(server.pid, signal.SIGSTOP)


def thaw(server: ServerProcess) -> None:
    """Let it go on."""
    _signal_all(server.pid, signal.SIGCONT)


def _signal_all(pid: int, number: signal.Signals) -> None:
    # The parent first: while it stands still it has no more children.
    os.kill(pid, number)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in map(int, children):
        with suppress(ProcessLookupError):
            os.kill(child, number)
