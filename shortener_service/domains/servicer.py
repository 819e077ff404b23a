"""DomainService over gRPC."""

from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import domain_service_pb2 as pb
from clicktrail.shortener.v1 import domain_service_pb2_grpc
from common.errors import FaultType, invalid_field
from shortener_service.domains.domain import Domain, TxtRecord
from shortener_service.domains.domains import Domains
from shortener_service.domains.store import domain_to_message

if TYPE_CHECKING:
    from grpc import aio


class DomainServicer(domain_service_pb2_grpc.DomainServiceServicer):
    """Serves DomainService."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    async def RegisterDomain(
        self, request: pb.RegisterDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.RegisterDomainResponse:
        """Register a domain without proof."""
        del context
        asked = request.domain
        domain = await self._domains.register(Domain(asked.name, asked.business_id, asked.fallback_url))
        return pb.RegisterDomainResponse(domain=domain_to_message(domain))

    async def ClaimDomain(
        self, request: pb.ClaimDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ClaimDomainResponse:
        """Tell what proves a domain."""
        del context
        return pb.ClaimDomainResponse(domain=_proved(*await self._domains.claim(request.name, request.business_id)))

    async def VerifyDomain(
        self, request: pb.VerifyDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.VerifyDomainResponse:
        """Look for the proof of a domain."""
        del context
        return pb.VerifyDomainResponse(domain=_proved(*await self._domains.verify(request.name, request.business_id)))

    async def UpdateDomain(
        self, request: pb.UpdateDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.UpdateDomainResponse:
        """Change a domain's fallback."""
        del context
        paths = list(request.update_mask.paths)
        if paths != ["fallback_url"]:
            wrong = next((path for path in paths if path != "fallback_url"), "update_mask")
            raise invalid_field(wrong, "cannot be changed; what can: fallback_url.", FaultType.NOT_ALLOWED)
        domain = await self._domains.set_fallback(request.name, request.business_id, request.domain.fallback_url)
        return pb.UpdateDomainResponse(domain=domain_to_message(domain))

    async def ListDomains(
        self, request: pb.ListDomainsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ListDomainsResponse:
        """List a business's domains."""
        del context
        return pb.ListDomainsResponse(domains=map(domain_to_message, await self._domains.list_of(request.business_id)))

    async def RemoveDomain(
        self, request: pb.RemoveDomainRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.RemoveDomainResponse:
        """Take a domain out of service."""
        del context
        await self._domains.remove(request.name, request.business_id)
        return pb.RemoveDomainResponse()


def _proved(domain: Domain, proof: TxtRecord) -> pb.Domain:
    message = domain_to_message(domain)
    message.record.CopyFrom(pb.DomainRecord(type="TXT", name=proof.name, value=proof.text))
    return message
