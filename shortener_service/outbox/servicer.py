"""OutboxService over gRPC."""

from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import outbox_service_pb2 as pb
from clicktrail.shortener.v1 import outbox_service_pb2_grpc
from shortener_service.outbox.delivery import Delivery

if TYPE_CHECKING:
    from grpc import aio


class OutboxServicer(outbox_service_pb2_grpc.OutboxServiceServicer):
    """Serves OutboxService."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    async def AwaitDelivery(
        self, request: pb.AwaitDeliveryRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.AwaitDeliveryResponse:
        """Wait for what is on its way."""
        del request, context
        return pb.AwaitDeliveryResponse(is_delivered=await self._delivery.is_completed())
