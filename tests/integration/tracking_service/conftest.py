"""The tracking service as its callers see it: a real server on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from grpc import aio
from pydantic import SecretStr

from clicktrail.tracking.v1 import account_service_pb2 as accounts_pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, event_service_pb2_grpc
from common.rpc.channels import open_channel
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import Caller
from tracking_service.bootstrap import TrackingService, build
from tracking_service.settings import TrackingSettings

BUSINESS = "shop"


@pytest.fixture
def shortener_target() -> str:
    """Return where the shortener is: nowhere, but for tests that run one."""
    return "ipv4:127.0.0.1:1"


@pytest_asyncio.fixture
async def tracking(postgres_url: str, shortener_target: str) -> AsyncIterator[TrackingService]:
    """Run the service on an empty, migrated database."""
    settings = TrackingSettings(
        tracking_listen="127.0.0.1:0",
        postgres_url=SecretStr(as_service(postgres_url)),
        shortener_target=shortener_target,
        encryption_keys=SecretStr(Fernet.generate_key().decode()),
        public_url="https://go.example/",
        drain_seconds=1,
    )
    service = await build(settings)
    await service.start()
    async with asyncio.timeout(120):
        await service.until_serving()
    yield service
    await service.stop()


@pytest_asyncio.fixture
async def channel(tracking: TrackingService) -> AsyncIterator[aio.Channel]:
    """Connect to the service."""
    async with open_channel(f"ipv4:127.0.0.1:{tracking.port}") as channel:
        await channel.channel_ready()
        yield channel


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Look into the database beside the service."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def caller(channel: aio.Channel) -> Caller:
    """Speak to the service as others do."""
    return Caller(channel)


@pytest_asyncio.fixture
async def accounts(channel: aio.Channel) -> account_service_pb2_grpc.AccountServiceStub:
    """Return the stub of AccountService."""
    return account_service_pb2_grpc.AccountServiceStub(channel)


@pytest_asyncio.fixture
async def business(accounts: account_service_pb2_grpc.AccountServiceStub) -> str:
    """Create a business and return its id; its currency is USD."""
    wanted = accounts_pb.Business(id=BUSINESS, name="A shop")
    await accounts.CreateBusiness(accounts_pb.CreateBusinessRequest(business=wanted), timeout=60)
    return BUSINESS


@pytest_asyncio.fixture
async def events(channel: aio.Channel) -> event_service_pb2_grpc.EventServiceStub:
    """Return the stub of EventService."""
    return event_service_pb2_grpc.EventServiceStub(channel)
