"""Makes businesses of a test's own, so that what it leaves behind is in nobody's way."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx
from google.protobuf.field_mask_pb2 import FieldMask

from clicktrail.tracking.v1 import account_service_pb2 as accounts
from clicktrail.tracking.v1.account_service_pb2_grpc import AccountServiceStub
from common.rpc.channels import open_channel
from tests.e2e.conftest import System, client_with

CALL_SECONDS = 60


@dataclass(frozen=True)
class Business:
    """A business, as its pages and servers know it."""

    id: str
    token: str


async def make_business(
    system: System, *, origins: tuple[str, ...] = (), currency: str = "USD", rate_factor: float | None = None
) -> Business:
    """Return a new business with a private token."""
    business = accounts.Business(
        id=f"b-{secrets.token_hex(8)}", name="A shop", locale="en", country="UY", currency=currency, origins=origins,
        rate_factor=rate_factor,
    )  # fmt: skip
    async with open_channel(system.tracking, system.operator) as channel:
        await channel.channel_ready()
        stub = AccountServiceStub(channel)
        await stub.CreateBusiness(accounts.CreateBusinessRequest(business=business), timeout=CALL_SECONDS)
        request = accounts.CreateTokenRequest(business_id=business.id, name="tests")
        created = await stub.CreateToken(request, timeout=CALL_SECONDS)
    return Business(business.id, created.token.token)


async def set_identity_secret(system: System, business_id: str, secret: str) -> None:
    """Have pages of a business prove who their visitors are."""
    business = await change_business(system, business_id, identity_secret=secret)
    assert (business.identity_secret, business.has_identity_secret) == ("", True)


async def change_business(system: System, business_id: str, **fields: Any) -> accounts.Business:
    """Change a business, and return it as it is then."""
    request = accounts.UpdateBusinessRequest(
        business=accounts.Business(id=business_id, **fields), update_mask=FieldMask(paths=list(fields))
    )
    async with open_channel(system.tracking, system.operator) as channel:
        await channel.channel_ready()
        answer = await AccountServiceStub(channel).UpdateBusiness(request, timeout=CALL_SECONDS)
    business: accounts.Business = answer.business
    return business


def client_of(system: System, credential: str, *, address: str | None = None) -> httpx.AsyncClient:
    """Return a client with a public id or a private token."""
    return client_with(system, address=address, Authorization=f"Bearer {credential}")
