"""Small gRPC services that stand behind the gateway in its tests: real servers that record what they got."""

from collections.abc import Sequence
from typing import Any

from grpc import aio

from clicktrail.shortener.v1 import (
    link_service_pb2_grpc,
    redirect_service_pb2_grpc,
    session_service_pb2_grpc,
)
from clicktrail.tracking.v1 import (
    account_service_pb2_grpc,
    event_service_pb2_grpc,
    profile_service_pb2_grpc,
    refused_request_service_pb2_grpc,
    report_page_service_pb2_grpc,
    report_service_pb2_grpc,
)
from clicktrail.tracking.v1 import session_service_pb2_grpc as tracking_session_pb2_grpc
from common.rpc.server import GrpcServer
from tests.support.gateway.peer import Peer
from tests.support.gateway.report_peers import LiveReports, RefusedRequests, ReportPages
from tests.support.gateway.shortener_peers import FreshSessions, Links, Redirects
from tests.support.gateway.tracking_peers import Accounts, Events, Profiles, Sessions


class Peers:
    """Both services, on ports of their own."""

    def __init__(self) -> None:
        # Each serves what the tests need of its service.
        self.redirects = Redirects()  # type: ignore[abstract]
        self.links = Links()  # type: ignore[abstract]
        self.fresh_sessions = FreshSessions()
        self.accounts = Accounts()  # type: ignore[abstract]
        self.sessions = Sessions()
        self.events = Events()  # type: ignore[abstract]
        self.reports = LiveReports()  # type: ignore[abstract]
        self.report_pages = ReportPages()  # type: ignore[abstract]
        self.refused_requests = RefusedRequests()
        self.profiles = Profiles()  # type: ignore[abstract]
        self._servers: list[GrpcServer] = []

    async def start(self) -> None:
        """Start both and say that they serve."""
        self.shortener = await self._start("127.0.0.1:0", self._register_shortener)
        self.tracking = await self._start("127.0.0.1:0", self._register_tracking)

    async def stop(self) -> None:
        """Stop both."""
        for server in self._servers:
            await server.stop(0)
        self._servers.clear()

    async def restart_shortener(self) -> GrpcServer:
        """Start the shortener again where it was."""
        return await self._start(self.shortener_address, self._register_shortener)

    @property
    def shortener_address(self) -> str:
        """Where the shortener listens."""
        return f"127.0.0.1:{self.shortener.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead a gateway here."""
        return {
            "CLICKTRAIL_SHORTENER_TARGET": f"ipv4:{self.shortener_address}",
            "CLICKTRAIL_TRACKING_TARGET": f"ipv4:127.0.0.1:{self.tracking.port}",
        }

    def reset(self) -> None:
        """Make all of them forget."""
        for peer in self._all():
            peer.reset()

    def _all(self) -> Sequence[Peer]:
        return [peer for peer in vars(self).values() if isinstance(peer, Peer)]

    async def _start(self, listen: str, register: Any) -> GrpcServer:
        server = GrpcServer(listen, [], [register])
        await server.start()
        await server.set_serving(is_serving=True)
        self._servers.append(server)
        return server

    def _register_shortener(self, server: aio.Server) -> None:
        redirect_service_pb2_grpc.add_RedirectServiceServicer_to_server(self.redirects, server)
        link_service_pb2_grpc.add_LinkServiceServicer_to_server(self.links, server)
        session_service_pb2_grpc.add_SessionServiceServicer_to_server(self.fresh_sessions, server)

    def _register_tracking(self, server: aio.Server) -> None:
        account_service_pb2_grpc.add_AccountServiceServicer_to_server(self.accounts, server)
        tracking_session_pb2_grpc.add_SessionServiceServicer_to_server(self.sessions, server)
        event_service_pb2_grpc.add_EventServiceServicer_to_server(self.events, server)
        report_service_pb2_grpc.add_ReportServiceServicer_to_server(self.reports, server)
        report_page_service_pb2_grpc.add_ReportPageServiceServicer_to_server(self.report_pages, server)
        refused_request_service_pb2_grpc.add_RefusedRequestServiceServicer_to_server(self.refused_requests, server)
        profile_service_pb2_grpc.add_ProfileServiceServicer_to_server(self.profiles, server)
