"""A shop that is connected, as tracking sees it."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from clicktrail.tracking.v1 import connection_service_pb2 as connections_pb
from clicktrail.tracking.v1 import connection_service_pb2_grpc, hook_service_pb2_grpc
from clicktrail.tracking.v1 import hook_service_pb2 as pb
from tests.support.platforms.deliveries import payload
from tests.support.platforms.signatures import headers_of
from tests.support.tracking_service.calling import SECONDS

CREATED = payload("woocommerce/order-created.json")
REFUNDED = payload("woocommerce/order-updated-refunded.json")
SECRET = "the-secret-of-the-shop"


class Shop:
    """A shop that is connected."""

    def __init__(self, channel: aio.Channel, platform: str = "woocommerce") -> None:
        self._platform = platform
        self.connections = connection_service_pb2_grpc.ConnectionServiceStub(channel)
        self._hooks = hook_service_pb2_grpc.HookServiceStub(channel)
        self.id = ""

    async def connect(self) -> None:
        """Connect it."""
        wanted = connections_pb.Connection(platform=self._platform, secret=SECRET)
        request = connections_pb.CreateConnectionRequest(business_id="shop", connection=wanted)
        self.id = (await self.connections.CreateConnection(request, timeout=SECONDS)).connection.id

    async def send(self, body: bytes, secret: str = SECRET, topic: str = "order.updated", hook: str = "") -> None:
        """Send a delivery."""
        headers = headers_of(self._platform, body, secret, topic)
        named = [pb.NamedValue(name=name, value=value) for name, value in headers.items()]
        request = pb.ReceiveHookRequest(connection=hook or self.id, headers=named, body=body)
        await self._hooks.ReceiveHook(request, timeout=SECONDS)

    async def change(self, **fields: Any) -> None:
        """Change its connection."""
        request = connections_pb.UpdateConnectionRequest(
            business_id="shop", id=self.id, connection=connections_pb.Connection(**fields),
            update_mask=FieldMask(paths=list(fields)),
        )  # fmt: skip
        await self.connections.UpdateConnection(request, timeout=SECONDS)

    async def seen(self) -> connections_pb.Connection:
        """Return its connection."""
        request = connections_pb.GetConnectionRequest(business_id="shop", id=self.id)
        return (await self.connections.GetConnection(request, timeout=SECONDS)).connection

    async def deliveries(self) -> list[connections_pb.Delivery]:
        """Return its deliveries, the oldest first."""
        request = connections_pb.ListDeliveriesRequest(business_id="shop", id=self.id)
        return list((await self.connections.ListDeliveries(request, timeout=SECONDS)).deliveries)[::-1]

    async def outcomes(self) -> list[str]:
        """Return what became of its deliveries, the oldest first."""
        return [each.outcome for each in await self.deliveries()]
