"""Carries hits to the shortener by streams: a call for each flight costs more than resolving it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from grpc import aio

from clicktrail.shortener.v1 import redirect_service_pb2 as redirect
from clicktrail.shortener.v1 import redirect_service_pb2_grpc
from common.errors import ClicktrailError, Reason, unavailable
from common.grpc_errors import from_rpc_error

# So long a stream takes flights: a shortener that stops waits for no longer, and a new one soon gets its share.
STREAM_SECONDS = 0.5


class _Stream:
    """A stream and whether it takes another flight. Its call is of no type that the stubs tell."""

    __slots__ = ("call", "is_young")

    def __init__(self, call: Any) -> None:
        self.call = call
        self.is_young = True


class RedirectFlights:
    """Sends each flight by a stream that is free, or by a new one. A flight that fails takes its stream with it."""

    def __init__(self, shortener: aio.Channel, longest_seconds: float) -> None:
        # The types of the stubs leave its methods out.
        stub: Any = redirect_service_pb2_grpc.RedirectServiceStub(shortener)
        self._open = stub.ResolveFlights
        self._lifetime_seconds = STREAM_SECONDS + longest_seconds
        self._loop = asyncio.get_running_loop()
        self._free: list[_Stream] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def __call__(self, hits: Sequence[redirect.Hit], seconds: float) -> Sequence[redirect.Outcome]:
        """Resolve a flight of hits within so many seconds, waiting for a shortener that is not there.

        Raises `ClicktrailError` for what the shortener refused, and `AioRpcError` for what nobody may be told of.
        """
        stream = self._take()
        try:
            outcomes = await _exchange(stream.call, hits, seconds)
        except BaseException:
            # What is still to come would be taken for the answer to the next flight.
            stream.call.cancel()
            raise
        if stream.is_young:
            self._free.append(stream)
        else:
            self._end(stream)
        return outcomes

    def _take(self) -> _Stream:
        while self._free:
            stream = self._free.pop()
            if not stream.call.done():
                return stream
        stream = _Stream(self._open(timeout=self._lifetime_seconds, wait_for_ready=True))
        self._loop.call_later(STREAM_SECONDS, self._retire, stream)
        return stream

    def _retire(self, stream: _Stream) -> None:
        """Let a stream take no more flights; one that is under way ends it."""
        stream.is_young = False
        if stream in self._free:
            self._free.remove(stream)
            self._end(stream)

    def _end(self, stream: _Stream) -> None:
        ending = self._loop.create_task(_finish(stream.call))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _exchange(call: Any, hits: Sequence[redirect.Hit], seconds: float) -> Sequence[redirect.Outcome]:
    try:
        async with asyncio.timeout(seconds):
            await call.write(redirect.ResolveFlightsRequest(hits=hits))
            response = await call.read()
    except (TimeoutError, asyncio.InvalidStateError) as error:
        raise _no_answer() from error
    except aio.AioRpcError as error:
        raise from_rpc_error(error) or error from error
    if not isinstance(response, redirect.ResolveFlightsResponse):
        # It was ended by the other side.
        raise _no_answer()
    return response.outcomes


async def _finish(call: Any) -> None:
    """Tell the other side that nothing more comes; where it is gone, that is all the same."""
    with suppress(aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
        await call.done_writing()
        await call.read()


def _no_answer() -> ClicktrailError:
    return unavailable(Reason.UPSTREAM_DOWN, "The service cannot be reached at the moment; try again.")
