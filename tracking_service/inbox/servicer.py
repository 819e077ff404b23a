"""HookService: messages to deliveries."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import hook_service_pb2 as pb
from clicktrail.tracking.v1 import hook_service_pb2_grpc
from tracking_service.messages import check_texts, received_at
from tracking_service.platforms.platform import HookRequest, hook_request

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

Receive = Callable[[str, HookRequest], Awaitable[None]]
"""Keeps what came to a connection.

Raises `CONNECTION_UNKNOWN`, `SIGNATURE_WRONG` and UNAVAILABLE."""


class HookServicer(hook_service_pb2_grpc.HookServiceServicer):
    """Serves hooks."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def ReceiveHook(self, request: pb.ReceiveHookRequest, _context: "Context") -> pb.ReceiveHookResponse:
        """Keep a delivery."""
        check_texts(pb.ReceiveHookRequest(connection=request.connection))
        headers, query = ([(each.name, each.value) for each in some] for some in (request.headers, request.query))
        hook = hook_request(headers, query, request.body, received_at(request))
        await self._receive(request.connection, hook)
        return pb.ReceiveHookResponse()
