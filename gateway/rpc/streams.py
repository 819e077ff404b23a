"""Calls that take many at once: in quiet times one by one, in busy times by streams."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from google.protobuf.message import Message
from grpc import aio

from clicktrail.shortener.v1 import redirect_service_pb2 as redirect
from clicktrail.tracking.v1 import event_pb2, event_service_pb2
from gateway.rpc.clients import Method, Services

# So long a stream takes requests: a service that stops waits for no longer, and one that is new soon gets its share.
STREAM_SECONDS = 0.5

_REDIRECTS = redirect.DESCRIPTOR.services_by_name["RedirectService"].methods_by_name
_EVENTS = event_service_pb2.DESCRIPTOR.services_by_name["EventService"].methods_by_name


class Stream:
    """A stream and whether it takes another request. Its call is of no type that the stubs tell."""

    __slots__ = ("call", "is_young")

    def __init__(self, call: Any) -> None:
        self.call = call
        self.is_young = True

    async def exchange(self, request: Message, seconds: float) -> Any:
        """Return the response, or None where there is none: then the stream is of no more use."""
        response = None
        try:
            async with asyncio.timeout(seconds):
                await self.call.write(request)
                response = await self.call.read()
        except (TimeoutError, asyncio.InvalidStateError, aio.AioRpcError):
            # The other side is gone, or has refused it, or there was no time.
            pass
        finally:
            if not isinstance(response, Message):
                # What is still to come would be taken for the response to the next request.
                self.call.cancel()
                response = None
        return response

    async def end(self) -> None:
        """Tell the other side that nothing more comes; where it is gone, that is all the same.

        So is what gRPC says then, which is not always an error of its public kinds.
        """
        with suppress(Exception, asyncio.CancelledError):
            await self.call.done_writing()
            await self.call.read()


class Streamed:
    """A method that may be repeated, with a stream that takes its requests one after the other.

    A call behind a call goes by a stream that is free, or by a new one. A request that gets no response there, for
    whatever reason, goes by a call of its own: what went wrong is told in one way alone.
    """

    def __init__(self, method: Method, open_stream: Callable[..., Any], longest_seconds: float) -> None:
        self._method = method
        self._open = open_stream
        self._lifetime_seconds = STREAM_SECONDS + longest_seconds
        self._loop = asyncio.get_running_loop()
        self._called_at = self._loop.time() - STREAM_SECONDS
        self._free: list[Stream] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def __call__(self, request: Message, seconds: float) -> Any:
        """Call it as `Method` does."""
        now = self._loop.time()
        is_busy = now < self._called_at + STREAM_SECONDS
        self._called_at = now
        if is_busy:
            stream = self._take()
            response = await stream.exchange(request, seconds)
            if response is not None:
                self._give_back(stream)
                return response
            seconds -= self._loop.time() - now
        return await self._method(request, seconds)

    def _take(self) -> Stream:
        while self._free:
            stream = self._free.pop()
            if not stream.call.done():
                return stream
        stream = Stream(self._open(timeout=self._lifetime_seconds, wait_for_ready=True))
        self._loop.call_later(STREAM_SECONDS, self._retire, stream)
        return stream

    def _give_back(self, stream: Stream) -> None:
        if stream.is_young:
            self._free.append(stream)
        else:
            self._end(stream)

    def _retire(self, stream: Stream) -> None:
        """Let a stream take no more requests; one that is under way ends it."""
        stream.is_young = False
        if stream in self._free:
            self._free.remove(stream)
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        ending = self._loop.create_task(stream.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


class RedirectBatches:
    """Carries hits to the shortener; none takes longer than so many seconds."""

    def __init__(self, services: Services, longest_seconds: float) -> None:
        # The names of 0.2.0, so that this release also stands before a shortener of that one: see the proto.
        one, many = _REDIRECTS["ResolveFlight"], _REDIRECTS["ResolveFlights"]
        self._resolve = Streamed(services.method(one), services.streams(many, one), longest_seconds)

    async def __call__(self, hits: Sequence[redirect.Hit], seconds: float) -> Sequence[redirect.Outcome]:
        """Resolve a batch of hits."""
        response: redirect.ResolveFlightResponse = await self._resolve(
            redirect.ResolveFlightRequest(hits=hits), seconds
        )
        return response.outcomes


class EventBatches:
    """Carries events to tracking; none takes longer than so many seconds."""

    def __init__(self, services: Services, longest_seconds: float) -> None:
        one, many = _EVENTS["TrackEvents"], _EVENTS["TrackBatches"]
        self._track = Streamed(services.method(one), services.streams(many, one), longest_seconds)

    async def __call__(
        self, submissions: Sequence[event_pb2.Submission], seconds: float
    ) -> Sequence[event_pb2.Receipt]:
        """Record a batch of events."""
        response: event_service_pb2.TrackEventsResponse = await self._track(
            event_service_pb2.TrackEventsRequest(submissions=submissions), seconds
        )
        return response.receipts
