"""A tracking service that keeps what is delivered to it, and can be told to refuse."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

from clicktrail.tracking.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    click_pb2,
    link_archive_service_pb2,
    link_archive_service_pb2_grpc,
    relay_service_pb2,
    relay_service_pb2_grpc,
)
from common.clock import now, to_timestamp


async def _nothing(_number: int) -> None:
    """Let the export go on."""


class Accounts(account_service_pb2_grpc.AccountServiceServicer):
    """Every business there is, but some."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        self.asked: list[str] = []

    async def GetBusiness(  # noqa: D102
        self, request: account_service_pb2.GetBusinessRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> account_service_pb2.GetBusinessResponse:
        self.asked.append(request.id)
        if request.id in self.unknown:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such business.")
        return account_service_pb2.GetBusinessResponse(business=account_service_pb2.Business(id=request.id))


class Tracking(
    relay_service_pb2_grpc.RelayServiceServicer,
    link_archive_service_pb2_grpc.LinkArchiveServiceServicer,
):
    """A real gRPC server in the place of tracking."""

    def __init__(self) -> None:
        self.deliveries: list[relay_service_pb2.DeliverRequest] = []
        self.refusals: list[grpc.StatusCode] = []
        """What the next deliveries are refused with."""
        self.poison = b""
        """Deliveries with these bytes in them are refused as faulty."""
        self.drop_replies = 0
        """So many deliveries are kept, and then answered as if they had failed."""
        self.archived_links = 0
        self.archive: list[relay_service_pb2.LinkCopy] = []
        """What is exported."""
        self.late: list[relay_service_pb2.LinkCopy] = []
        """What is exported as kept since."""
        self.export_size = 100
        self.export_fails_at: int | None = None
        self.before_export: Callable[[int], Awaitable[None]] = _nothing
        """Called before each piece, with the number of its first link."""
        self.secret = b""
        self.domains: dict[str, link_archive_service_pb2.DomainCopy] = {}
        self.refused_hosts: dict[str, link_archive_service_pb2.RefusedHostCopy] = {}
        self.asked = 0
        self.accounts = Accounts()  # type: ignore[abstract]
        self._server = aio.server()
        account_service_pb2_grpc.add_AccountServiceServicer_to_server(self.accounts, self._server)
        relay_service_pb2_grpc.add_RelayServiceServicer_to_server(self, self._server)
        link_archive_service_pb2_grpc.add_LinkArchiveServiceServicer_to_server(self, self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def target(self) -> str:
        """Return where it is."""
        return f"ipv4:127.0.0.1:{self._port}"

    @property
    def clicks(self) -> list[click_pb2.Click]:
        """Return all clicks delivered, repeated ones too."""
        return [click for delivery in self.deliveries for click in delivery.clicks]

    @property
    def links(self) -> list[relay_service_pb2.LinkCopy]:
        """Return all copies of links delivered."""
        return [link for delivery in self.deliveries for link in delivery.links]

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def stop(self) -> None:
        """Go away."""
        await self._server.stop(None)

    async def Deliver(  # noqa: D102
        self, request: relay_service_pb2.DeliverRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> relay_service_pb2.DeliverResponse:
        self.asked += 1
        if self.refusals:
            await context.abort(self.refusals.pop(0), "told to")
        if self.poison and self.poison in request.SerializeToString():
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "poisoned")
        self.deliveries.append(request)
        if self.drop_replies:
            self.drop_replies -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the reply was lost")
        return relay_service_pb2.DeliverResponse()

    async def CountLinks(  # noqa: D102
        self,
        request: link_archive_service_pb2.CountLinksRequest,
        context: "aio.ServicerContext[Any, Any]",
    ) -> link_archive_service_pb2.CountLinksResponse:
        del request, context
        return link_archive_service_pb2.CountLinksResponse(count=self.archived_links)

    async def ListLinks(  # noqa: D102
        self, request: link_archive_service_pb2.ListLinksRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> link_archive_service_pb2.ListLinksResponse:
        raise NotImplementedError

    async def ExportLinks(  # noqa: D102
        self, request: link_archive_service_pb2.ExportLinksRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[link_archive_service_pb2.ExportLinksResponse]:
        copies = self.archive if not request.HasField("kept_since") else []
        began_at = to_timestamp(now())
        yield link_archive_service_pb2.ExportLinksResponse(total=len(self.archive), began_at=began_at)
        for start in range(0, len(copies), self.export_size):
            await self.before_export(start)
            if self.export_fails_at is not None and start >= self.export_fails_at:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "told to")
            piece = copies[start : start + self.export_size]
            yield link_archive_service_pb2.ExportLinksResponse(links=piece, total=len(self.archive), began_at=began_at)
        for piece in [[late] for late in self.late] if request.HasField("kept_since") else []:
            yield link_archive_service_pb2.ExportLinksResponse(links=piece, total=len(self.archive), began_at=began_at)

    async def KeepInstallation(  # noqa: D102
        self, request: link_archive_service_pb2.KeepInstallationRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> link_archive_service_pb2.KeepInstallationResponse:
        del context
        self.secret = self.secret or request.secret
        for copy in request.domains:
            kept = self.domains.get(copy.domain.name)
            if kept is None or copy.revision > kept.revision:
                self.domains[copy.domain.name] = copy
        for host in request.refused_hosts:
            present = self.refused_hosts.get(host.host.name)
            if present is None or host.revision > present.revision:
                self.refused_hosts[host.host.name] = host
        return link_archive_service_pb2.KeepInstallationResponse(
            secret=self.secret, domains=self.domains.values(), refused_hosts=self.refused_hosts.values()
        )
