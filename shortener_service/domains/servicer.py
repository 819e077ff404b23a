"""DomainService over gRPC."""

from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import domain_service_pb2 as pb
from clicktrail.shortener.v1 import domain_service_pb2_grpc
from shortener_service.domains.domain import Domain
from shortener_service.domains.domains import Domains

if TYPE_CHECKING:
    from grpc import aio


class DomainServicer(domain_service_pb2_grpc.DomainServiceServicer):
    """Serves DomainService."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    async def RegisterDomain(
        self, request: pb.RegisterDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.RegisterDomainResponse:
        """Register a domain."""
        del context
        asked = request.domain
        domain = await self._domains.register(Domain(asked.name, asked.business_id, asked.fallback_url))
        return pb.RegisterDomainResponse(domain=_message(domain))

    async def ListDomains(
        self, request: pb.ListDomainsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ListDomainsResponse:
        """List a business's domains."""
        del context
        return pb.ListDomainsResponse(domains=map(_message, await self._domains.list_of(request.business_id)))

    async def RemoveDomain(
        self, request: pb.RemoveDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.RemoveDomainResponse:
        """Take a domain out of service."""
        del context
        await self._domains.remove(request.name, request.business_id)
        return pb.RemoveDomainResponse()


def _message(domain: Domain) -> pb.Domain:
    return pb.Domain(name=domain.name, business_id=domain.business_id, fallback_url=domain.fallback_url or None)
