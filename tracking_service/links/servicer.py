"""LinkArchiveService: the copies of links, as they were delivered, and of what redirects need besides."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from clicktrail.shortener.v1 import domain_service_pb2, link_pb2, refused_host_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from clicktrail.tracking.v1 import link_archive_service_pb2_grpc, relay_service_pb2
from common.clock import to_timestamp
from common.errors import invalid_field
from common.field_rules import rules
from tracking_service.links.archive_store import (
    FILTERS,
    DomainCopy,
    Installation,
    PostgresInstallation,
    PostgresLinkExport,
    PostgresLinkListing,
    RefusedHostCopy,
)
from tracking_service.links.link_copy import ArchivedLink
from tracking_service.messages import check_texts, page_from, time_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

# A link takes 300 bytes as a rule, 20 KB at most.
PIECE_BYTES = 1024 * 1024
_REVISIONS = rules(pb.DomainCopy, "revision")


class LinkArchiveServicer(link_archive_service_pb2_grpc.LinkArchiveServiceServicer):
    """Serves the copies; there is nothing to decide between the messages and the store."""

    def __init__(
        self, links: PostgresLinkListing, export: PostgresLinkExport, installation: PostgresInstallation
    ) -> None:
        self._links = links
        self._export = export
        self._installation = installation

    async def ListLinks(self, request: pb.ListLinksRequest, _context: "Context") -> pb.ListLinksResponse:
        """List links."""
        check_texts(request)
        only = {name: getattr(request, name) for name in FILTERS if request.HasField(name)}  # type: ignore[arg-type]  # its own fields
        links, has_more = await self._links.page(request.business_id, page_from(request), only)
        return pb.ListLinksResponse(links=map(link_pb2.Link.FromString, links), has_more=has_more)

    async def CountLinks(self, _request: pb.CountLinksRequest, _context: "Context") -> pb.CountLinksResponse:
        """Tell whether there are any links: to count them all would take longer the more there are."""
        return pb.CountLinksResponse(count=int(await self._links.has_any()))

    async def ExportLinks(
        self, request: pb.ExportLinksRequest, _context: "Context"
    ) -> AsyncIterator[pb.ExportLinksResponse]:
        """Stream all links."""
        since = time_from(request.kept_since, "kept_since") if request.HasField("kept_since") else None
        total, began_at = await self._export.begin()
        yield pb.ExportLinksResponse(total=total, began_at=to_timestamp(began_at))
        async for page in self._export.pages(since):
            for links in _pieces(map(_link_copy, page)):
                yield pb.ExportLinksResponse(links=links, total=total, began_at=to_timestamp(began_at))

    async def KeepInstallation(
        self, request: pb.KeepInstallationRequest, _context: "Context"
    ) -> pb.KeepInstallationResponse:
        """Keep what the shortener needs besides links."""
        check_texts(request)
        domains = list(map(_copy_of_domain, request.domains))
        hosts = list(map(_copy_of_host, request.refused_hosts))
        kept = await self._installation.keep(Installation(request.secret, domains, hosts))
        return pb.KeepInstallationResponse(
            secret=kept.secret,
            domains=map(_domain_copy, kept.domains),
            refused_hosts=map(_host_copy, kept.refused_hosts),
        )


def _link_copy(archived: ArchivedLink) -> relay_service_pb2.LinkCopy:
    return relay_service_pb2.LinkCopy(
        link=_whole_link(archived),
        template=archived.template,
        revision=archived.revision,
        origin_template=archived.origin_template or "",
        detached_id=archived.detached_id,
    )


def _whole_link(archived: ArchivedLink) -> link_pb2.Link:
    """Return an archived link; of one that cannot be read only the id, so that the others are not held up."""
    try:
        return link_pb2.Link.FromString(archived.link)
    except DecodeError:
        return link_pb2.Link(id=archived.id)


def _copy_of_domain(copy: pb.DomainCopy) -> DomainCopy:
    domain = copy.domain
    has_proof = domain.HasField("verified_at")
    return DomainCopy(
        name=domain.name,
        business_id=domain.business_id,
        fallback_url=domain.fallback_url,
        verified_at=time_from(domain.verified_at, "domains.domain.verified_at") if has_proof else None,
        revision=_checked_revision(copy.revision, "domains.revision"),
        is_removed=copy.removed,
    )


def _domain_copy(copy: DomainCopy) -> pb.DomainCopy:
    domain = domain_service_pb2.Domain(
        name=copy.name,
        business_id=copy.business_id,
        fallback_url=copy.fallback_url or None,
        verified_at=to_timestamp(copy.verified_at) if copy.verified_at else None,
    )
    return pb.DomainCopy(domain=domain, revision=copy.revision, removed=copy.is_removed)


def _copy_of_host(copy: pb.RefusedHostCopy) -> RefusedHostCopy:
    return RefusedHostCopy(
        name=copy.host.name,
        reason=copy.host.reason,
        refused_at=time_from(copy.host.refused_at, "refused_hosts.host.refused_at"),
        revision=_checked_revision(copy.revision, "refused_hosts.revision"),
        is_removed=copy.removed,
    )


def _host_copy(copy: RefusedHostCopy) -> pb.RefusedHostCopy:
    host = refused_host_service_pb2.RefusedHost(
        name=copy.name, reason=copy.reason or None, refused_at=to_timestamp(copy.refused_at)
    )
    return pb.RefusedHostCopy(host=host, revision=copy.revision, removed=copy.is_removed)


def _checked_revision(revision: int, parameter: str) -> int:
    # Beyond, it could never be followed by a later one: nobody could change or remove what it is of again.
    if not _REVISIONS.minimum <= revision <= _REVISIONS.maximum:
        raise invalid_field(parameter, f"must be {_REVISIONS.minimum} to {_REVISIONS.maximum}.")
    return revision


def _pieces(copies: Iterable[relay_service_pb2.LinkCopy]) -> Iterator[list[relay_service_pb2.LinkCopy]]:
    """Cut copies into messages of about a megabyte."""
    piece: list[relay_service_pb2.LinkCopy] = []
    size = 0
    for copy in copies:
        piece.append(copy)
        size += copy.ByteSize()
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
