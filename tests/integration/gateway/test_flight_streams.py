"""The streams that carry flights to the shortener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from common.channels import open_channel
from common.errors import ClicktrailError, Reason
from gateway.flight_streams import RedirectFlights
from tests.support.waiting import eventually

SECONDS = 10.0
SERVICE = "clicktrail.shortener.v1.RedirectService"


class Echo:
    """Answers each hit with its own code, "late" only when it is let go."""

    def __init__(self) -> None:
        self.opened = 0
        self.ended = 0
        self.go = asyncio.Event()

    async def under_way(self) -> int:
        """Return how many streams have begun and not ended."""
        return self.opened - self.ended

    async def ResolveFlights(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002  (gRPC passes it)
        """Resolve flights."""
        self.opened += 1
        try:
            async for request in request_iterator:
                if request.hits[0].code == "late":
                    await self.go.wait()
                yield pb.ResolveFlightsResponse(outcomes=[pb.Outcome(location=hit.code) for hit in request.hits])
        finally:
            self.ended += 1


@asynccontextmanager
async def flights_to(echo: Echo) -> AsyncIterator[RedirectFlights]:
    """Serve this shortener, and return what carries flights to it."""
    server = aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        echo.ResolveFlights, pb.ResolveFlightsRequest.FromString, pb.ResolveFlightsResponse.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ResolveFlights": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = open_channel(f"ipv4:127.0.0.1:{port}")
    try:
        yield RedirectFlights(channel, SECONDS)
    finally:
        await channel.close()
        await server.stop(0)


async def carried(flights: RedirectFlights, *codes: str, seconds: float = SECONDS) -> list[str]:
    """Return the locations that hits with these codes are answered with."""
    return [outcome.location for outcome in await flights([pb.Hit(code=code) for code in codes], seconds)]


async def test_flights_in_turn_share_a_stream() -> None:
    """The stream ends by itself, without another flight, and the next flight opens another."""
    echo = Echo()
    async with flights_to(echo) as flights:
        assert await carried(flights, "a", "b") == ["a", "b"]
        await eventually(echo.under_way, lambda count: not count)
        opened = echo.opened
        assert await carried(flights, "c") == ["c"]
        assert echo.opened == opened + 1


async def test_flights_at_once_have_their_own_answers() -> None:
    """Each has a stream for itself while it is in the air."""
    async with flights_to(Echo()) as flights:
        for turn in range(20):
            codes = [f"{turn}-{number}" for number in range(8)]
            assert await asyncio.gather(*(carried(flights, code) for code in codes)) == [[code] for code in codes]


async def test_an_answer_that_comes_late_is_nobody_elses() -> None:
    """A flight whose time is over takes its stream with it."""
    echo = Echo()
    async with flights_to(echo) as flights:
        with pytest.raises(ClicktrailError) as raised:
            await carried(flights, "late", seconds=0.1)
        assert raised.value.reason is Reason.UPSTREAM_DOWN
        echo.go.set()
        assert await carried(flights, "next") == ["next"]


async def test_a_flight_that_is_given_up_takes_its_stream_with_it() -> None:
    """The next one has its own answer."""
    echo = Echo()
    async with flights_to(echo) as flights:
        given_up = asyncio.create_task(carried(flights, "late"))
        await eventually(echo.under_way, bool)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        echo.go.set()
        assert await carried(flights, "next") == ["next"]
