"""SessionService over gRPC."""

from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import session_service_pb2 as pb
from clicktrail.shortener.v1 import session_service_pb2_grpc
from shortener_service.sessions import Sessions

if TYPE_CHECKING:
    from grpc import aio


class SessionServicer(session_service_pb2_grpc.SessionServiceServicer):
    """Serves SessionService."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def IssueSession(
        self, request: pb.IssueSessionRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.IssueSessionResponse:
        """Issue a session."""
        del context
        received_at = request.received_at if request.HasField("received_at") else None
        session = await self._sessions.issue(request.business_id, request.nonce, received_at)
        return pb.IssueSessionResponse(session=session)

    async def GetFreshSessions(
        self, request: pb.GetFreshSessionsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.GetFreshSessionsResponse:
        """Read fresh sessions."""
        del context
        return pb.GetFreshSessionsResponse(sessions=await self._sessions.read(request.business_id, request.ids))
