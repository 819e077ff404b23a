"""Seeds the demo business: a token and a campaign of 20 recipients. A second time changes nothing."""

import asyncio
import time

from grpc import StatusCode, aio

from cli.addresses import Endpoint
from cli.calls import DEADLINE_SECONDS, channel_to, run
from cli.data_directory import DemoLink
from cli.failures import CommandFailed
from cli.links.bulk_creation import Order, create_links
from cli.links.recipients import Row
from cli.operations.restore import restore_links
from clicktrail.shortener.v1 import link_pb2, link_service_pb2
from clicktrail.tracking.v1 import account_service_pb2, account_service_pb2_grpc, event_pb2
from common.errors import Reason
from common.rpc.errors import from_rpc_error

BUSINESS = "demo"
CAMPAIGN = "spring-sale"
DESTINATION = "https://shop.example.com/spring?ref=sms"
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.25
# A new Redis is known to be one within a moment.
NEW_SECONDS = 5.0
RECIPIENTS = tuple(f"customer-{number:02}" for number in range(1, 21))


def seed(shortener: Endpoint, tracking: Endpoint, kept_token: str | None) -> tuple[str, list[DemoLink]]:
    """Make what is missing, and return the token and the links. A kept token is used while it still holds."""
    token = run(_seed_account(tracking, kept_token), tracking)
    return token, run(_seed_links(shortener), shortener)


async def _seed_account(tracking: Endpoint, kept_token: str | None) -> str:
    async with channel_to(tracking) as channel:
        accounts = account_service_pb2_grpc.AccountServiceStub(channel)
        await _create_business(accounts)
        if kept_token and await _is_token(accounts, kept_token):
            return kept_token
        return await _create_token(accounts)


async def _seed_links(shortener: Endpoint) -> list[DemoLink]:
    """Create the links; a shortener that has just come up first makes sure that its Redis is complete."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await _create_links(shortener)
        except aio.AioRpcError as error:
            if error.code() is not StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise
            if time.monotonic() > deadline - PATIENCE_SECONDS + NEW_SECONDS and _is_emptied(error):
                # A new Redis would be complete by now. Nobody else could restore it: we would stop all, being refused.
                await restore_links(shortener)
        await asyncio.sleep(PAUSE_SECONDS)


def _is_emptied(error: aio.AioRpcError) -> bool:
    refusal = from_rpc_error(error)
    return refusal is not None and refusal.reason is Reason.STORE_INCOMPLETE


async def _create_business(accounts: account_service_pb2_grpc.AccountServiceStub) -> None:
    business = account_service_pb2.Business(id=BUSINESS, name="Demo shop", locale="en", country="US", currency="USD")
    try:
        await accounts.CreateBusiness(
            account_service_pb2.CreateBusinessRequest(business=business), timeout=DEADLINE_SECONDS, wait_for_ready=True
        )
    except aio.AioRpcError as error:
        if error.code() is not StatusCode.ALREADY_EXISTS:
            raise


async def _is_token(accounts: account_service_pb2_grpc.AccountServiceStub, token: str) -> bool:
    try:
        owner = await accounts.Authenticate(
            account_service_pb2.AuthenticateRequest(credential=token), timeout=DEADLINE_SECONDS, wait_for_ready=True
        )
    except aio.AioRpcError as error:
        if error.code() is StatusCode.UNAUTHENTICATED:
            return False
        raise
    return owner.business_id == BUSINESS and owner.credential == event_pb2.CREDENTIAL_PRIVATE


async def _create_token(accounts: account_service_pb2_grpc.AccountServiceStub) -> str:
    answer = await accounts.CreateToken(
        account_service_pb2.CreateTokenRequest(business_id=BUSINESS, name="demo"),
        timeout=DEADLINE_SECONDS,
        wait_for_ready=True,
    )
    return answer.token.token


async def _create_links(shortener: Endpoint) -> list[DemoLink]:
    template = link_pb2.LinkTemplate(destination=DESTINATION, campaign=CAMPAIGN)
    rows = (Row(line, name, name) for line, name in enumerate(RECIPIENTS))
    made: list[DemoLink] = []

    def take(row: Row, result: link_service_pb2.LinkResult) -> None:
        if result.errors:
            raise CommandFailed(f"The demo link of {row.external_id}: {result.errors[0].description}")
        link = result.link
        made.append(DemoLink(link.profile, link.external_id, link.short_url, link.code))

    await create_links(shortener, Order(BUSINESS, template, len(RECIPIENTS)), rows, take)
    return made
