"""ConnectionService: messages to connections and their deliveries, and back."""

from typing import TYPE_CHECKING, Any

from clicktrail.common.v1.types_pb2 import Json
from clicktrail.tracking.v1 import connection_service_pb2 as pb
from clicktrail.tracking.v1 import connection_service_pb2_grpc
from common.clock import to_timestamp
from common.errors import FaultType, invalid_field
from tracking_service.connections.connection import WantedConnection
from tracking_service.connections.connections import Connections, ShownConnection
from tracking_service.inbox.delivery import ListedDelivery, SilentConnection
from tracking_service.inbox.store import PostgresInbox
from tracking_service.messages import check_texts, page_from, time_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

_WAITS = "It waits for its secret, which the platform shows."
_UNREADABLE = "Its secret was encrypted by a key that this installation does not have: set another secret."


class ConnectionServicer(connection_service_pb2_grpc.ConnectionServiceServicer):
    """Serves connections; public_url is where hooks reach the gateway."""

    def __init__(self, connections: Connections, inbox: PostgresInbox, public_url: str) -> None:
        self._inbox = inbox
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
        silent = await self._silent(request.business_id)
        return pb.GetConnectionResponse(connection=self._message(found, is_silent=request.id in silent))

    async def UpdateConnection(
        self, request: pb.UpdateConnectionRequest, _context: "Context"
    ) -> pb.UpdateConnectionResponse:
        """Change a connection."""
        check_texts(request, "connection")
        changed = await self._connections.change(
            request.business_id, request.id, _wanted(request.connection), frozenset(request.update_mask.paths)
        )
        silent = await self._silent(request.business_id)
        return pb.UpdateConnectionResponse(connection=self._message(changed, is_silent=request.id in silent))

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
        silent = await self._silent(request.business_id)
        messages = [self._message(each, is_silent=each.connection.id in silent) for each in found]
        return pb.ListConnectionsResponse(connections=messages, has_more=has_more)

    async def ListSilentConnections(
        self, request: pb.ListSilentConnectionsRequest, _context: "Context"
    ) -> pb.ListSilentConnectionsResponse:
        """List silent connections."""
        check_texts(request)
        found = await self._inbox.silent(request.business_id)
        return pb.ListSilentConnectionsResponse(connections=map(_silent_message, found))

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, _context: "Context") -> pb.ListDeliveriesResponse:
        """List deliveries."""
        check_texts(request)
        await self._connections.connection(request.business_id, request.id)
        found, has_more = await self._inbox.page(request.business_id, request.id, page_from(request))
        return pb.ListDeliveriesResponse(deliveries=map(_delivery_message, found), has_more=has_more)

    async def ReplayDeliveries(
        self, request: pb.ReplayDeliveriesRequest, _context: "Context"
    ) -> pb.ReplayDeliveriesResponse:
        """Turn deliveries into events again."""
        check_texts(request)
        if not request.HasField("since"):
            raise invalid_field("since", "is missing.", FaultType.PARAMETER_MISSING)
        await self._connections.connection(request.business_id, request.id)
        count = await self._inbox.replay(request.business_id, request.id, time_from(request.since, "since"))
        return pb.ReplayDeliveriesResponse(deliveries=count)

    async def _silent(self, business_id: str) -> set[str]:
        return {each.id for each in await self._inbox.silent(business_id)}

    def _message(self, shown: ShownConnection, *, is_silent: bool = False) -> pb.Connection:
        connection = shown.connection
        return pb.Connection(
            id=connection.id,
            platform=connection.platform,
            source=connection.source,
            name=connection.name,
            hook_url=self._hooks + connection.id,
            secret=shown.secret,
            enabled=connection.is_enabled and shown.has_readable_secret and bool(connection.secret),
            disabled_reason=_reason(shown),
            mapping=Json(text=connection.mapping.encode()) if connection.mapping else None,
            created_at=to_timestamp(connection.created_at),
            last_delivery_at=to_timestamp(connection.last_delivery_at) if connection.last_delivery_at else None,
            deliveries=connection.deliveries,
            refused=connection.refused,
            silent=is_silent,
        )


def _reason(shown: ShownConnection) -> str | None:
    """Return why a connection takes nothing, where nobody has switched it off."""
    if not shown.connection.secret:
        return _WAITS
    return shown.connection.disabled_reason if shown.has_readable_secret else _UNREADABLE


def _wanted(message: pb.Connection) -> WantedConnection:
    return WantedConnection(
        platform=message.platform,
        source=message.source,
        name=message.name if message.HasField("name") else None,
        secret=message.secret if message.HasField("secret") else None,
        mapping=message.mapping.text,
        enabled=message.enabled if message.HasField("enabled") else True,
    )


def _silent_message(silent: SilentConnection) -> pb.SilentConnection:
    return pb.SilentConnection(
        id=silent.id, platform=silent.platform, name=silent.name, last_delivery_at=to_timestamp(silent.last_delivery_at)
    )


def _delivery_message(delivery: ListedDelivery) -> pb.Delivery:
    return pb.Delivery(
        id=str(delivery.id),
        received_at=to_timestamp(delivery.received_at),
        topic=delivery.topic,
        outcome=delivery.outcome,
        events=map(str, delivery.events),
        reason=delivery.reason,
    )
