"""ConnectionService: messages to connections, and back."""

from typing import TYPE_CHECKING, Any

from clicktrail.common.v1.types_pb2 import Json
from clicktrail.tracking.v1 import connection_service_pb2 as pb
from clicktrail.tracking.v1 import connection_service_pb2_grpc
from common.clock import to_timestamp
from tracking_service.connections.connection import WantedConnection
from tracking_service.connections.connections import Connections, ShownConnection
from tracking_service.messages import check_texts, page_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

_UNREADABLE = "Its secret was encrypted by a key that this installation does not have: set another secret."


class ConnectionServicer(connection_service_pb2_grpc.ConnectionServiceServicer):
    """Serves connections; public_url is where hooks reach the gateway."""

    def __init__(self, connections: Connections, public_url: str) -> None:
        self._connections = connections
        self._hooks = f"{public_url.rstrip('/')}/v1/hooks/"

    async def CreateConnection(
        self, request: pb.CreateConnectionRequest, _context: "Context"
    ) -> pb.CreateConnectionResponse:
        """Create a connection."""
        check_texts(request, "connection")
        made = await self._connections.create(request.business_id, _wanted(request.connection))
        return pb.CreateConnectionResponse(connection=self._message(made))

    async def GetConnection(self, request: pb.GetConnectionRequest, _context: "Context") -> pb.GetConnectionResponse:
        """Read a connection."""
        check_texts(request)
        found = await self._connections.connection(request.business_id, request.id)
        return pb.GetConnectionResponse(connection=self._message(found))

    async def UpdateConnection(
        self, request: pb.UpdateConnectionRequest, _context: "Context"
    ) -> pb.UpdateConnectionResponse:
        """Change a connection."""
        check_texts(request, "connection")
        changed = await self._connections.change(
            request.business_id, request.id, _wanted(request.connection), frozenset(request.update_mask.paths)
        )
        return pb.UpdateConnectionResponse(connection=self._message(changed))

    async def DeleteConnection(
        self, request: pb.DeleteConnectionRequest, _context: "Context"
    ) -> pb.DeleteConnectionResponse:
        """Delete a connection."""
        check_texts(request)
        await self._connections.delete(request.business_id, request.id)
        return pb.DeleteConnectionResponse()

    async def ListConnections(
        self, request: pb.ListConnectionsRequest, _context: "Context"
    ) -> pb.ListConnectionsResponse:
        """List connections."""
        check_texts(request)
        found, has_more = await self._connections.page(request.business_id, page_from(request))
        return pb.ListConnectionsResponse(connections=map(self._message, found), has_more=has_more)

    def _message(self, shown: ShownConnection) -> pb.Connection:
        connection = shown.connection
        return pb.Connection(
            id=connection.id,
            platform=connection.platform,
            source=connection.source,
            name=connection.name,
            hook_url=self._hooks + connection.id,
            secret=shown.secret,
            enabled=connection.is_enabled and shown.has_readable_secret,
            disabled_reason=None if shown.has_readable_secret else _UNREADABLE,
            mapping=Json(text=connection.mapping.encode()) if connection.mapping else None,
            created_at=to_timestamp(connection.created_at),
        )


def _wanted(message: pb.Connection) -> WantedConnection:
    return WantedConnection(
        platform=message.platform,
        source=message.source,
        name=message.name if message.HasField("name") else None,
        secret=message.secret if message.HasField("secret") else None,
        mapping=message.mapping.text,
        enabled=message.enabled if message.HasField("enabled") else True,
    )
