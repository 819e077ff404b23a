"""What happens around every call of a service: credentials, deadlines, request ids, errors."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from common.admission import Places
from common.errors import ClicktrailError
from common.logging import get_logger
from common.rare_warnings import RareWarning
from common.rpc.access import AccessControl, hold
from common.rpc.decoding import checked, refuse_unreadable
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
Check = Callable[[Any, "Context"], Awaitable[Any]]
"""Looks at a request, or at the iterator of a stream of them; returns what the servicer gets in its place."""


class CallGuard(aio.ServerInterceptor):
    """Refuses calls that may not be made, with no time left, or beyond a limit; turns what is raised into a status.

    `ClicktrailError` keeps its reason and faults. Anything else is logged with the call's request id, and the caller
    is told that id alone.
    """

    def __init__(
        self, access: AccessControl, calls_limit: int = CALLS_LIMIT, streams_limit: int = STREAMS_LIMIT
    ) -> None:
        self._access = access
        self._calls = Places(calls_limit)
        self._streams = Places(streams_limit)
        self._guarded: dict[tuple[str, bool], Handler] = {}
        self._refused = RareWarning(log, "a call was refused for its credential")
        self._unknown = RareWarning(log, "calls come without a service key, and are taken for this release")

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
        try:
            admission = self._access.admit(method, handler_call_details.invocation_metadata)
        except ClicktrailError as error:
            return self._handler(method, _unread(handler), partial(self._refuse, method, error))
        if admission.token is not None:
            return self._handler(method, handler, partial(self._hold, method, admission.token, handler))
        # All but always, and the same each time: made once.
        key = method, admission.is_known
        if (guarded := self._guarded.get(key)) is None:
            check = None if admission.is_known else partial(self._warn, method)
            guarded = self._guarded[key] = self._handler(method, handler, check)
        return guarded

    def _handler(self, method: str, handler: "Handler", check: "Check | None") -> "Handler":
        """Return a handler that checks its calls, and guards them."""
        is_stream = handler.request_streaming or handler.response_streaming
        kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
        behaviour = getattr(handler, kind)
        if check is not None:
            behaviour = (_checked_stream if handler.response_streaming else _checked_unary)(behaviour, check)
        wrap = _guarded_stream if handler.response_streaming else _guarded_unary
        wrapped: Handler = getattr(grpc, f"{kind}_rpc_method_handler")(
            wrap(method, behaviour, self._streams if is_stream else self._calls),
            checked(handler.request_deserializer, is_stream=handler.request_streaming),
            handler.response_serializer,
        )
        return wrapped

    async def _refuse(self, method: str, error: ClicktrailError, _request: Any, context: "Context") -> None:
        self._refused.tell(method=method, peer=context.peer(), reason=str(error))
        raise error

    async def _warn(self, method: str, request: Any, context: "Context") -> Any:
        self._unknown.tell(method=method, peer=context.peer())
        return request

    async def _hold(self, method: str, token: str, handler: "Handler", request: Any, _context: "Context") -> Any:
        business_id = await self._access.business_of(token)
        if handler.request_streaming:
            return _held(request, method, business_id)
        hold(request, method, business_id)
        return request


async def _held(requests: AsyncIterator[Any], method: str, business_id: str) -> AsyncIterator[Any]:
    async for request in requests:
        hold(request, method, business_id)
        yield request


def _arity(is_streaming: bool) -> str:  # noqa: FBT001  (a word for a flag)
    return "stream" if is_streaming else "unary"


def _unread(handler: "Handler") -> "Handler":
    """Return a handler whose requests stay bytes: they are refused in any case."""
    kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
    unread: Handler = getattr(grpc, f"{kind}_rpc_method_handler")(
        getattr(handler, kind), None, handler.response_serializer
    )
    return unread


def _checked_unary(behaviour: Behaviour, check: Check) -> Behaviour:
    async def checked(request: Any, context: "Context") -> Any:
        return await behaviour(await check(request, context), context)

    return checked


def _checked_stream(behaviour: Behaviour, check: Check) -> Behaviour:
    async def checked(request: Any, context: "Context") -> AsyncIterator[Any]:
        async for response in behaviour(await check(request, context), context):
            yield response

    return checked


def _guarded_unary(method: str, behaviour: Behaviour, load: Places) -> Behaviour:
    async def guarded(request: Any, context: "Context") -> Any:
        await _refuse_if_late(context)
        try:
            refuse_unreadable(request)
            with load:
                return await behaviour(request, context)
        except Exception as error:  # noqa: BLE001  (told apart inside)
            await _abort(method, error, context)

    return guarded


def _guarded_stream(method: str, behaviour: Behaviour, load: Places) -> Behaviour:
    async def guarded(request: Any, context: "Context") -> AsyncIterator[Any]:
        await _refuse_if_late(context)
        try:
            refuse_unreadable(request)
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
