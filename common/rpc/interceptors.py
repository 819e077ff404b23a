"""What happens around every call of a service: deadlines, request ids, errors."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from common.admission import Places
from common.errors import ClicktrailError
from common.logging import get_logger
from common.rpc.errors import to_status

log = get_logger(__name__)

REQUEST_ID = "x-request-id"
# Below this there is no time to do anything with an answer: work would be wasted.
LEAST_TIME_LEFT_SECONDS = 0.002
# What waits beyond these would not be served in its time. A stream may last for long, and waits for its caller mostly.
CALLS_LIMIT = 500
STREAMS_LIMIT = 1_000
# Health checks and reflection are answered however much there is to do.
ALWAYS_SERVED = "/grpc."

if TYPE_CHECKING:
    # Generic in the types alone, not at run-time.
    Context = aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]

Behaviour = Callable[[Any, "Context"], Any]


class CallGuard(aio.ServerInterceptor):
    """Refuses calls with no time left, those beyond a limit at once, and turns what a servicer raises into a status.

    `ClicktrailError` keeps its reason and faults. Anything else is logged with the call's request id, and the caller
    is told that id alone.
    """

    def __init__(self, calls_limit: int = CALLS_LIMIT, streams_limit: int = STREAMS_LIMIT) -> None:
        self._calls = Places(calls_limit)
        self._streams = Places(streams_limit)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Wrap the handler that serves this method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(ALWAYS_SERVED):
            return handler
        wrap = _guarded_stream if handler.response_streaming else _guarded_unary
        load = self._streams if handler.request_streaming or handler.response_streaming else self._calls
        kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
        factory = getattr(grpc, f"{kind}_rpc_method_handler")
        wrapped: Handler = factory(
            wrap(method, getattr(handler, kind), load), handler.request_deserializer, handler.response_serializer
        )
        return wrapped


def _arity(is_streaming: bool) -> str:  # noqa: FBT001  (a word for a flag)
    return "stream" if is_streaming else "unary"


def _guarded_unary(method: str, behaviour: Behaviour, load: Places) -> Behaviour:
    async def guarded(request: Any, context: "Context") -> Any:
        await _refuse_if_late(context)
        try:
            with load:
                return await behaviour(request, context)
        except Exception as error:  # noqa: BLE001  (told apart inside)
            await _abort(method, error, context)

    return guarded


def _guarded_stream(method: str, behaviour: Behaviour, load: Places) -> Behaviour:
    async def guarded(request: Any, context: "Context") -> AsyncIterator[Any]:
        await _refuse_if_late(context)
        try:
            with load:
                async for response in behaviour(request, context):
                    yield response
        except Exception as error:  # noqa: BLE001  (told apart inside)
            await _abort(method, error, context)

    return guarded


async def _refuse_if_late(context: "Context") -> None:
    left = context.time_remaining()
    if left is not None and left < LEAST_TIME_LEFT_SECONDS:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "No time is left for this call.")


async def _abort(method: str, error: Exception, context: "Context") -> None:
    if isinstance(error, aio.AbortError):
        raise error
    if isinstance(error, ClicktrailError):
        await context.abort_with_status(to_status(error))
    request_id = request_id_of(context)
    log.error("call failed", method=method, request_id=request_id, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, f"Internal fault; request id {request_id}.")


def request_id_of(context: "Context") -> str:
    """Return the request id that the caller sent, or a new one."""
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID:
            return str(value)
    return secrets.token_hex(8)
