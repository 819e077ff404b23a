"""Calls the shortener's services as the gateway and internal services do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from clicktrail.shortener.v1 import (
    domain_service_pb2,
    domain_service_pb2_grpc,
    link_pb2,
    link_service_pb2,
    link_service_pb2_grpc,
    outbox_service_pb2_grpc,
    rate_service_pb2_grpc,
    redirect_service_pb2,
    redirect_service_pb2_grpc,
    refused_host_service_pb2_grpc,
    session_service_pb2_grpc,
)
from common import clock
from common.errors import ClicktrailError
from common.ids import new_nonce
from common.rpc.channels import open_channel
from common.rpc.errors import from_rpc_error
from shortener_service.bootstrap import Shortener

BUSINESS = "shop"
DESTINATION = "https://shop.example.com/p/1?ref=a#size"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.0 Mobile/15E148 Safari/604.1"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SECONDS = 20.0

Seen = TypeVar("Seen")


class Caller:
    """A connection to a shortener."""

    def __init__(self, shortener: Shortener) -> None:
        self.shortener = shortener
        self.channel = open_channel(f"ipv4:127.0.0.1:{shortener.port}")
        self.links = link_service_pb2_grpc.LinkServiceStub(self.channel)
        self.redirects = redirect_service_pb2_grpc.RedirectServiceStub(self.channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(self.channel)
        self.domains = domain_service_pb2_grpc.DomainServiceStub(self.channel)
        self.refused_hosts = refused_host_service_pb2_grpc.RefusedHostServiceStub(self.channel)
        self.outbox = outbox_service_pb2_grpc.OutboxServiceStub(self.channel)
        self.rates = rate_service_pb2_grpc.RateServiceStub(self.channel)

    async def create(self, **fields: Any) -> link_pb2.Link:
        """Create a link of the shop."""
        request = link_service_pb2.CreateLinkRequest(**{"business_id": BUSINESS, "destination": DESTINATION} | fields)
        response = await self.links.CreateLink(request, timeout=SECONDS)
        return response.link

    async def create_many(
        self, recipients: Sequence[link_pb2.Recipient], *, a_message: int = 500, **template: Any
    ) -> list[link_service_pb2.LinkResult]:
        """Create links over the stream, so many recipients a message."""
        shared = link_pb2.LinkTemplate(**{"destination": DESTINATION, "campaign": "spring"} | template)

        async def requests() -> AsyncIterator[link_service_pb2.CreateLinksRequest]:
            yield link_service_pb2.CreateLinksRequest(business_id=BUSINESS, template=shared)
            for start in range(0, len(recipients), a_message):
                yield link_service_pb2.CreateLinksRequest(recipients=recipients[start : start + a_message])

        answers = self.links.CreateLinks(requests(), timeout=SECONDS * 3)
        return [result async for response in answers for result in response.results]

    async def register(self, name: str, business_id: str = BUSINESS, fallback_url: str | None = None) -> None:
        """Register a domain."""
        domain = domain_service_pb2.Domain(name=name, business_id=business_id, fallback_url=fallback_url)
        await self.domains.RegisterDomain(domain_service_pb2.RegisterDomainRequest(domain=domain), timeout=SECONDS)

    async def update(self, link_id: str, **fields: Any) -> link_pb2.Link:
        """Change a link of the shop."""
        request = link_service_pb2.UpdateLinkRequest(
            business_id=BUSINESS,
            id=link_id,
            link=link_service_pb2.LinkChange(**fields),
            update_mask=FieldMask(paths=list(fields)),
        )
        return (await self.links.UpdateLink(request, timeout=SECONDS)).link

    async def disable(self, link_id: str) -> None:
        """Switch a link of the shop off."""
        request = link_service_pb2.DisableLinkRequest(business_id=BUSINESS, id=link_id)
        await self.links.DisableLink(request, timeout=SECONDS)

    async def resolve(self, *hits: redirect_service_pb2.Hit) -> list[redirect_service_pb2.Outcome]:
        """Resolve hits together."""
        request = redirect_service_pb2.ResolveHitsRequest(hits=hits)
        response = await self.redirects.ResolveHits(request, timeout=SECONDS)
        return list(response.outcomes)

    async def click(self, code: str, **fields: Any) -> redirect_service_pb2.Outcome:
        """Resolve one hit of a person."""
        (outcome,) = await self.resolve(hit(code, **fields))
        return outcome


def hit(code: str, **fields: Any) -> redirect_service_pb2.Hit:
    """Return a hit of a person with an iPhone."""
    values: dict[str, Any] = {
        "code": code,
        "host": "localhost",
        "user_agent": IPHONE,
        "received_at": clock.to_timestamp(clock.now()),
        "nonce": new_nonce(),
    }
    return redirect_service_pb2.Hit(**values | fields)


def recipients_of(names: Iterable[str]) -> list[link_pb2.Recipient]:
    """Return recipients whose profile and external id are these."""
    return [link_pb2.Recipient(profile=name, external_id=name) for name in names]


async def refusal(call: Awaitable[Any]) -> ClicktrailError:
    """Return the error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    assert error is not None, caught.value
    return error


def looking(look: Callable[[], Seen]) -> Callable[[], Awaitable[Seen]]:
    """Return what `eventually` can look with."""

    async def seen() -> Seen:
        return look()

    return seen


def clicking(caller: Caller, code: str) -> Callable[[], Awaitable[redirect_service_pb2.Outcome]]:
    """Return what `eventually` clicks a link with."""
    return lambda: caller.click(code)


def fields_of(error: ClicktrailError) -> set[str | None]:
    """Return the fields that an error names."""
    return {fault.parameter for fault in error.faults}
