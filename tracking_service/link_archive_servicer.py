"""LinkArchiveService: the copies of links, as they were delivered."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import link_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from clicktrail.tracking.v1 import link_archive_service_pb2_grpc
from tracking_service.postgres_link_listing import FILTERS, PostgresLinkListing
from tracking_service.requests import check_texts, page_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]


class LinkArchiveServicer(link_archive_service_pb2_grpc.LinkArchiveServiceServicer):
    """Serves listings of links; there is nothing to decide between the messages and the store."""

    def __init__(self, links: PostgresLinkListing) -> None:
        self._links = links

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
        self, _request: pb.ExportLinksRequest, _context: "Context"
    ) -> AsyncIterator[pb.ExportLinksResponse]:
        """Stream all links."""
        raise NotImplementedError
        yield  # A stream, of nothing so far.
