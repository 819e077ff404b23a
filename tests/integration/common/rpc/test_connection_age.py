"""Connections that age: calls move on to new ones, and no call notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc import aio

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from common.rpc.channels import open_channel
from common.rpc.server import GrpcServer
from tests.support.waiting import eventually

SERVICE = "clicktrail.shortener.v1.RedirectService"
SECONDS = 60.0
# Twenty a second, so that a test of seconds sees as many as an hour of use.
AGE_SECONDS = 0.05
CONNECTIONS = 100


class Echo:
    """Answers each hit with its own code, and notes by which connections it is called."""

    def __init__(self) -> None:
        self.connections: set[str] = set()

    async def one(self, request: Any, context: Any) -> pb.ResolveFlightResponse:
        """Resolve a batch."""
        self.connections.add(context.peer())
        return pb.ResolveFlightResponse(outcomes=[pb.Outcome(location=hit.code) for hit in request.hits])

    async def many(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.ResolveFlightsResponse]:
        """Resolve batches."""
        self.connections.add(context.peer())
        async for request in request_iterator:
            yield pb.ResolveFlightsResponse(outcomes=[pb.Outcome(location=hit.code) for hit in request.hits])

    def register(self, server: aio.Server) -> None:
        """Add it to a server."""
        handlers: dict[str, Any] = {
            "ResolveFlight": grpc.unary_unary_rpc_method_handler(
                self.one, pb.ResolveFlightRequest.FromString, pb.ResolveFlightResponse.SerializeToString
            ),
            "ResolveFlights": grpc.stream_stream_rpc_method_handler(
                self.many, pb.ResolveFlightsRequest.FromString, pb.ResolveFlightsResponse.SerializeToString
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


class Callers:
    """Call without a pause in every way that there is, until told to stop; a call that fails fails them all."""

    def __init__(self, channel: aio.Channel) -> None:
        self.answered = 0
        self._is_over = False
        self._one = channel.unary_unary(
            f"/{SERVICE}/ResolveFlight",
            request_serializer=pb.ResolveFlightRequest.SerializeToString,
            response_deserializer=pb.ResolveFlightResponse.FromString,
        )
        self._many = channel.stream_stream(
            f"/{SERVICE}/ResolveFlights",
            request_serializer=pb.ResolveFlightsRequest.SerializeToString,
            response_deserializer=pb.ResolveFlightsResponse.FromString,
        )

    def stop(self) -> None:
        """Let each finish what it has begun."""
        self._is_over = True

    async def call(self, *, is_patient: bool) -> None:
        """Call after call."""
        while not self._is_over:
            request = pb.ResolveFlightRequest(hits=[self._next_hit()])
            response = await self._one(request, timeout=SECONDS, wait_for_ready=is_patient)
            assert response.outcomes[0].location == request.hits[0].code

    async def stream(self, exchanges: int | None = None) -> None:
        """Stream after stream of so many exchanges; None: one for all the time."""
        while not self._is_over:
            stream = self._many(timeout=SECONDS, wait_for_ready=True)
            done = 0
            while not self._is_over and done != exchanges:
                request = pb.ResolveFlightsRequest(hits=[self._next_hit()])
                await stream.write(request)
                response = await stream.read()
                assert isinstance(response, pb.ResolveFlightsResponse), response
                assert response.outcomes[0].location == request.hits[0].code
                done += 1
            await stream.done_writing()
            assert await stream.read() is aio.EOF
            assert await stream.code() is grpc.StatusCode.OK

    def _next_hit(self) -> pb.Hit:
        self.answered += 1
        return pb.Hit(code=str(self.answered))


@asynccontextmanager
async def served(echo: Echo, age_seconds: float) -> AsyncIterator[aio.Channel]:
    """Serve it with connections of this age; yield a channel to it."""
    server = GrpcServer("127.0.0.1:0", [SERVICE], [echo.register], connection_age_seconds=age_seconds)
    await server.start()
    async with open_channel(f"ipv4:127.0.0.1:{server.port}") as channel:
        yield channel
    await server.stop(0)


async def test_no_call_notices() -> None:
    """Calls, short streams and one that outlives every connection are all answered, each with its own answer."""
    echo = Echo()
    async with served(echo, AGE_SECONDS) as channel:
        callers = Callers(channel)

        async def stop() -> None:
            async def seen() -> int:
                return len(echo.connections)

            await eventually(seen, CONNECTIONS.__le__, limit_seconds=SECONDS)
            callers.stop()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(6):
                tasks.create_task(callers.call(is_patient=True))
                tasks.create_task(callers.call(is_patient=False))
            for exchanges in (1, 5, 100, None):
                tasks.create_task(callers.stream(exchanges))
            tasks.create_task(stop())
        assert callers.answered > CONNECTIONS


async def test_without_an_age_there_is_one_connection() -> None:
    """It is used for as long as both ends are there."""
    echo = Echo()
    async with served(echo, 0) as channel:
        callers = Callers(channel)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(callers.call(is_patient=True))
            await asyncio.sleep(10 * AGE_SECONDS)
            callers.stop()
        assert len(echo.connections) == 1
