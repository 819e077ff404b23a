"""The methods of the services that answer with a stream, as the gateway calls them."""

from collections.abc import AsyncGenerator
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio

from common.grpc_errors import from_rpc_error
from common.interceptors import REQUEST_ID


class StreamMethod:
    """A method that answers one request with many messages."""

    def __init__(self, channel: aio.Channel, descriptor: MethodDescriptor) -> None:
        response: Any = GetMessageClass(descriptor.output_type)
        request: Any = GetMessageClass(descriptor.input_type)
        self._call = channel.unary_stream(
            f"/{descriptor.containing_service.full_name}/{descriptor.name}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    async def __call__(
        self, request: Message, seconds: float, *, request_id: str | None = None
    ) -> AsyncGenerator[Any, None]:
        """Yield the messages, over these seconds at most; a service that is not there is waited for.

        Raises `ClicktrailError` for what the service refused, and `AioRpcError` for what nobody may be told of.
        """
        metadata = ((REQUEST_ID, request_id),) if request_id else None
        call = self._call(request, timeout=seconds, wait_for_ready=True, metadata=metadata)
        try:
            async for message in call:
                yield message
        except aio.AioRpcError as error:
            raise from_rpc_error(error) or error from error
        finally:
            call.cancel()
