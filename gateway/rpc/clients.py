"""The services, as the gateway calls them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.errors import Reason
from common.rpc.access import authorization
from common.rpc.channels import open_channel
from common.rpc.errors import from_rpc_error
from common.rpc.interceptors import REQUEST_ID
from common.rpc.security import OPEN, Security

# A connection that breaks under a call that may be repeated: tried again after so long.
PAUSE_SECONDS = 0.05
HEALTH_SECONDS = 1.0

SHORTENER_PACKAGE = "clicktrail.shortener.v1"


class Method:
    """A unary method of a service, callable with its request."""

    def __init__(self, channel: aio.Channel, descriptor: MethodDescriptor, call_seconds: float) -> None:
        self._call_seconds = call_seconds
        self._call = channel.unary_unary(_path(descriptor), *_codecs(descriptor))

    async def __call__(
        self,
        request: Message,
        seconds: float | None = None,
        *,
        request_id: str | None = None,
        token: str | None = None,
        is_repeatable: bool = False,
    ) -> Any:
        """Call it, and wait for a service that is not there within these seconds; None: as long as calls may take.

        With a private token the call is made by it, and not by the gateway's own key.
        Where the call may be repeated, a connection that breaks under it is not noticed either. Raises
        `ClicktrailError` for what the service refused, and `AioRpcError` for what nobody may be told of.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._call_seconds if seconds is None else seconds)
        metadata = _metadata(request_id, token)
        while True:
            left = deadline - loop.time()
            try:
                return await self._call(request, timeout=left, wait_for_ready=True, metadata=metadata)
            except aio.AioRpcError as error:
                told = from_rpc_error(error)
                is_lost = told is not None and told.reason is Reason.UPSTREAM_DOWN and is_repeatable
                if not is_lost or deadline - loop.time() <= PAUSE_SECONDS:
                    raise told or error from error
            await asyncio.sleep(PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class Services:
    """The channels to both services. Owns them: close it."""

    shortener: aio.Channel
    tracking: aio.Channel
    call_seconds: float

    def method(self, descriptor: MethodDescriptor) -> Method:
        """Return the method that a descriptor describes, at the service that has it."""
        return Method(self._channel(descriptor), descriptor, self.call_seconds)

    def streams(self, many: MethodDescriptor, one: MethodDescriptor) -> Callable[..., Any]:
        """Return what opens a stream of a method that takes and gives messages of the same form as another one."""
        opens: Callable[..., Any] = self._channel(many).stream_stream(_path(many), *_codecs(one))
        return opens

    async def health(self) -> dict[str, bool]:
        """Return which of them serve now, by their names."""
        answers = await asyncio.gather(_is_serving(self.shortener), _is_serving(self.tracking))
        return dict(zip(("shortener", "tracking"), answers, strict=True))

    async def close(self) -> None:
        """Close both channels."""
        await self.shortener.close()
        await self.tracking.close()

    def _channel(self, descriptor: MethodDescriptor) -> aio.Channel:
        package = descriptor.containing_service.file.package
        return self.shortener if package == SHORTENER_PACKAGE else self.tracking


def connect(shortener_target: str, tracking_target: str, call_seconds: float, security: Security = OPEN) -> Services:
    """Return the services at these targets; they need not be there yet."""
    shortener, tracking = (open_channel(target, security) for target in (shortener_target, tracking_target))
    return Services(shortener, tracking, call_seconds)


def _path(descriptor: MethodDescriptor) -> str:
    return f"/{descriptor.containing_service.full_name}/{descriptor.name}"


def _metadata(request_id: str | None, token: str | None) -> tuple[tuple[str, str], ...] | None:
    found = (*(((REQUEST_ID, request_id),) if request_id else ()), *((authorization(token),) if token else ()))
    return found or None


def _codecs(descriptor: MethodDescriptor) -> tuple[Any, Any]:
    """Return what writes a method's requests, and what reads its responses."""
    request: Any = GetMessageClass(descriptor.input_type)
    response: Any = GetMessageClass(descriptor.output_type)
    return request.SerializeToString, response.FromString


async def _is_serving(channel: aio.Channel) -> bool:
    # The types of the stubs leave its methods out.
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_SECONDS)
    except aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


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
        metadata = _metadata(request_id, None)
        call = self._call(request, timeout=seconds, wait_for_ready=True, metadata=metadata)
        try:
            async for message in call:
                yield message
        except aio.AioRpcError as error:
            raise from_rpc_error(error) or error from error
        finally:
            call.cancel()
