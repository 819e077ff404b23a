"""Calls that go by streams in busy times, to a small shortener over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from common.errors import ClicktrailError, Reason
from gateway.rpc.batcher import Batcher, Limits
from gateway.rpc.clients import connect
from gateway.rpc.streams import RedirectBatches
from tests.support.waiting import eventually

SECONDS = 10.0
# A connection to the listener of a server that has just ended, in this process too, is given up after 20 seconds.
PATIENT_SECONDS = 60.0
SERVICE = "clicktrail.shortener.v1.RedirectService"


class Echo:
    """Answers each hit with its own code; some have it "late" or "refuse", and streams also "break" or "end"."""

    def __init__(self) -> None:
        self.calls = 0
        self.opened = 0
        self.ended = 0
        self.go = asyncio.Event()

    async def under_way(self) -> int:
        """Return how many streams have begun and not ended."""
        return self.opened - self.ended

    async def one(self, request: Any, context: Any) -> pb.ResolveFlightResponse:
        """Resolve a batch."""
        self.calls += 1
        if request.hits[0].code == "late":
            await self.go.wait()
        if request.hits[0].code == "refuse":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return pb.ResolveFlightResponse(outcomes=[pb.Outcome(location=hit.code) for hit in request.hits])

    async def many(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.ResolveFlightsResponse]:
        """Resolve batches."""
        self.opened += 1
        try:
            async for request in request_iterator:
                match request.hits[0].code:
                    case "late":
                        await self.go.wait()
                    case "refuse":
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
                    case "break":
                        raise ZeroDivisionError
                    case "end":
                        return
                yield pb.ResolveFlightsResponse(outcomes=[pb.Outcome(location=hit.code) for hit in request.hits])
        finally:
            self.ended += 1


async def serve(echo: Echo, port: int = 0, *, by_streams: bool = True) -> tuple[aio.Server, int]:
    """Serve this shortener."""
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, Any] = {
        "ResolveFlight": grpc.unary_unary_rpc_method_handler(
            echo.one, pb.ResolveFlightRequest.FromString, pb.ResolveFlightResponse.SerializeToString
        ),
        "ResolveFlights": grpc.stream_stream_rpc_method_handler(
            echo.many, pb.ResolveFlightsRequest.FromString, pb.ResolveFlightsResponse.SerializeToString
        ),
    }
    if not by_streams:
        del handlers["ResolveFlights"]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port


@asynccontextmanager
async def batches_to(echo: Echo, *, by_streams: bool = True) -> AsyncIterator[RedirectBatches]:
    """Serve this shortener, and return what carries batches to it, busy from the beginning."""
    server, port = await serve(echo, by_streams=by_streams)
    services = connect(f"ipv4:127.0.0.1:{port}", "ipv4:127.0.0.1:1", SECONDS)
    try:
        batches = RedirectBatches(services, SECONDS)
        assert await carried(batches, "first") == ["first"]
        yield batches
    finally:
        await services.close()
        await server.stop(0)


async def carried(batches: RedirectBatches, *codes: str, seconds: float = SECONDS) -> list[str]:
    """Return the locations that hits with these codes are answered with."""
    return [outcome.location for outcome in await batches([pb.Hit(code=code) for code in codes], seconds)]


@pytest.fixture
def is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams take batches for longer than any test lasts."""
    monkeypatch.setattr("gateway.rpc.streams.STREAM_SECONDS", 300.0)


@pytest.mark.usefixtures("is_busy")
async def test_batches_in_turn_share_a_stream() -> None:
    """But for the first, which does not know that more will come."""
    echo = Echo()
    async with batches_to(echo) as batches:
        for turn in range(20):
            assert await carried(batches, f"a{turn}", f"b{turn}") == [f"a{turn}", f"b{turn}"]
        assert (echo.calls, echo.opened) == (1, 1)


async def test_a_stream_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another batch; and behind a while without any, the next goes by a call of its own."""
    monkeypatch.setattr("gateway.rpc.streams.STREAM_SECONDS", 0.3)
    echo = Echo()
    async with batches_to(echo) as batches:
        while not echo.opened:
            assert await carried(batches, "again") == ["again"]
        await eventually(echo.under_way, lambda count: not count)
        await asyncio.sleep(0.4)
        calls = echo.calls
        assert await carried(batches, "alone") == ["alone"]
        assert echo.calls == calls + 1


@pytest.mark.usefixtures("is_busy")
async def test_batches_at_once_have_their_own_answers() -> None:
    """Each has a stream for itself while it is in flight."""
    echo = Echo()
    async with batches_to(echo) as batches:
        for turn in range(20):
            codes = [f"{turn}-{number}" for number in range(8)]
            assert await asyncio.gather(*(carried(batches, code) for code in codes)) == [[code] for code in codes]
        assert (echo.calls, echo.opened) == (1, 8)


@pytest.mark.usefixtures("is_busy")
async def test_an_answer_that_comes_late_is_nobody_elses() -> None:
    """A batch whose time is over takes its stream with it."""
    echo = Echo()
    async with batches_to(echo) as batches:
        with pytest.raises(ClicktrailError) as raised:
            await carried(batches, "late", seconds=0.1)
        assert raised.value.reason is Reason.UPSTREAM_DOWN
        echo.go.set()
        assert await carried(batches, "next") == ["next"]


@pytest.mark.usefixtures("is_busy")
async def test_a_batch_that_is_given_up_takes_its_stream_with_it() -> None:
    """The next one has its own answer."""
    echo = Echo()
    async with batches_to(echo) as batches:
        given_up = asyncio.create_task(carried(batches, "late"))
        await eventually(echo.under_way, bool)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert given_up.cancelled()
        echo.go.set()
        assert await carried(batches, "next") == ["next"]


@pytest.mark.usefixtures("is_busy")
@pytest.mark.parametrize("code", ["break", "end"])
async def test_what_a_stream_does_not_answer_goes_by_a_call(code: str) -> None:
    """Whether the other side failed or ended it; the next one has a new stream."""
    echo = Echo()
    async with batches_to(echo) as batches:
        assert await carried(batches, "before") == ["before"]
        assert await carried(batches, code) == [code]
        assert await carried(batches, "next") == ["next"]
        assert (echo.calls, echo.opened) == (2, 2)


@pytest.mark.usefixtures("is_busy")
async def test_what_is_refused_is_told_as_without_streams() -> None:
    """The call that was made in its place tells it."""
    echo = Echo()
    async with batches_to(echo) as batches:
        with pytest.raises(ClicktrailError) as raised:
            await carried(batches, "refuse")
        assert raised.value.reason is Reason.UPSTREAM_DOWN
        assert echo.calls == 2


@pytest.mark.usefixtures("is_busy")
async def test_a_service_without_streams_is_called() -> None:
    """As one that is older than they are."""
    echo = Echo()
    async with batches_to(echo, by_streams=False) as batches:
        for turn in range(3):
            assert await carried(batches, str(turn)) == [str(turn)]
        assert echo.calls == 4


@pytest.mark.usefixtures("is_busy")
async def test_a_restart_of_the_service_is_not_noticed() -> None:
    """Neither by a batch that is in flight, nor by those that follow: what does not get through is repeated."""
    echo = Echo()
    server, port = await serve(echo)
    services = connect(f"ipv4:127.0.0.1:{port}", "ipv4:127.0.0.1:1", PATIENT_SECONDS)
    batcher = Batcher(
        RedirectBatches(services, PATIENT_SECONDS), Limits(batch_size=1, batches_in_flight=8, patience_seconds=60)
    )

    async def location_of(code: str) -> str:
        return (await batcher.submit(pb.Hit(code=code))).location

    for turn in range(5):
        assert await location_of("before") == "before"
        echo.go.clear()
        in_the_air = asyncio.create_task(location_of("late"))
        await eventually(echo.under_way, bool)
        await server.stop(0)
        # The next server answers it also where it comes by a stream again.
        echo.go.set()
        codes = [f"{turn}-{number}" for number in range(3)]
        waiting = asyncio.gather(*map(location_of, codes))
        await asyncio.sleep(0.05)
        server, _ = await serve(echo, port)
        assert await in_the_air == "late"
        assert await waiting == codes
    await batcher.close()
    await services.close()
    await server.stop(0)
