"""The patience of a connection, with limits short enough to wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from clicktrail.shortener.v1.redirect_service_pb2 import OUTCOME_KIND_REDIRECT, Hit, Outcome
from common.errors import overloaded
from gateway.addresses import DIRECT
from gateway.http import limits, protocol
from gateway.http.admission import Connections
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.protocol import Connection
from gateway.http.turns import FastPaths
from gateway.rate_limits.limits import RateLimits
from gateway.redirects.fast_path import ShortLink, ShortLinks
from gateway.redirects.redirects import Redirects

if TYPE_CHECKING:
    from gateway.redirects.redirects import HitBatcher

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
# More than the buffers of both ends hold.
LONG = 32 * 1024 * 1024
LIMIT_SECONDS = 60

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class LongAnswers:
    """A gateway without short links whose answers are long."""

    fast_paths: FastPaths = ()

    def __init__(self) -> None:
        self.connections = Connections(0, 0)
        self.length = LONG
        self.gone = asyncio.Event()

    def end(self) -> None:
        """End nothing: they wait for their clients."""

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and wait until nobody listens any more."""
        await receive()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % self.length)]}
        )
        await send({"type": "http.response.body", "body": b"x" * (self.length - 1), "more_body": True})
        await receive()
        self.gone.set()


class FullQueue:
    """A batcher with room for one hit."""

    shard_byte = 1

    def __init__(self) -> None:
        self._is_full = False

    def submit(self, _hit: Hit) -> asyncio.Future[Outcome]:
        """Take the first, which is answered a moment later."""
        if self._is_full:
            raise overloaded()
        self._is_full = True
        loop = asyncio.get_running_loop()
        landed = loop.create_future()
        outcome = Outcome(kind=OUTCOME_KIND_REDIRECT, location="https://a.example/")
        loop.call_soon(landed.set_result, outcome)
        return landed


class AllLinks(ShortLinks):
    """Takes every request for one of a short link."""

    def short_link_in(self, _method: bytes, _target: bytes) -> ShortLink:
        """Find one."""
        return ("abc", b"", False)


class Links(LongAnswers):
    """A gateway to which all is a short link."""

    def __init__(self) -> None:
        super().__init__()
        redirects = Redirects(cast("HitBatcher", FullQueue()), RateLimits(), DIRECT)
        self.fast_paths = [AllLinks(redirects, ())]


class Host:
    """Serves connections in the loop of the test."""

    def __init__(
        self, connections: int, gateway: LongAnswers | None = None, kind: type[Connection] = Connection
    ) -> None:
        self._kind = kind
        self.gateway = gateway or LongAnswers()
        self.gateway.connections = Connections(connections, connections)
        self._config = Config(
            self.gateway, interface="asgi3", http=Connection, ws="none", log_config=None, proxy_headers=False
        )
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._kind(self._config, self._state, {}), "127.0.0.1", 0)

    def shut_down(self) -> None:
        """Tell all connections that the server stops."""
        for each in list(self._state.connections):
            each.shutdown()

    async def stop(self) -> None:
        """Listen no more, and hang up."""
        self._server.close()
        for each in list(self._state.connections):
            each.transport.abort()
        await self._server.wait_closed()
        await asyncio.gather(*self._state.tasks)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Streams]:
        """Connect."""
        reader, writer = await asyncio.open_connection(*self._server.sockets[0].getsockname())
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield reader, writer
        finally:
            writer.transport.abort()


async def _write_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def hosting(connections: int = 10, gateway: LongAnswers | None = None) -> AsyncIterator[Host]:
    """Serve."""
    host = Host(connections, gateway)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LOOK_SECONDS", 0.01)


async def test_a_client_that_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word, as it has asked for nothing."""
    monkeypatch.setattr(protocol, "IDLE_SECONDS", 0.1)
    async with hosting() as host, host.client() as (reader, _):
        assert await reader.read() == b""


@pytest.mark.parametrize("beginning", [b"GET / HT", b"GET /abc HTTP/1.1\r\nX: y", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch, beginning: bytes) -> None:
    """Once it has had its time."""
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.1)
    async with hosting() as host, host.client() as (reader, writer):
        writer.write(beginning)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")


async def test_a_client_that_does_not_read_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of an answer too, which then hears of it."""
    monkeypatch.setattr(protocol, "IDLE_SECONDS", 0.1)
    async with hosting() as host, host.client() as (_, writer):
        writer.write(GET)
        await host.gateway.gone.wait()


async def test_a_client_that_reads_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer under way is not hung up on, however long its client has said nothing."""
    monkeypatch.setattr(protocol, "IDLE_SECONDS", 0.1)
    async with hosting() as host, host.client() as (reader, writer):
        host.gateway.length = 10
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(9)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.5)


async def test_what_is_refused_may_be_sent_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer waits for its client; a client that does not hang up is hung up on."""
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.5)
    async with hosting() as host, host.client() as (reader, writer):
        writer.write(b"nonsense\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.write(b"x" * 100_000)
        await writer.drain()
        with pytest.raises(ConnectionError):
            await _write_for_ever(writer)


async def test_one_connection_too_many_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With when, in the form of the API, and that nothing more comes: at once."""
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 10 * LIMIT_SECONDS)
    async with hosting(connections=1) as host, host.client() as (_, first), host.client() as (reader, second):
        first.write(GET)
        second.write(GET)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert b"\r\nretry-after: 1\r\n" in head
        assert body.startswith(b'{"errors":[{"type":"unavailable"')


async def test_a_request_that_comes_with_the_end_is_answered() -> None:
    """It had left its client before that could know; the answer says that it is the last."""
    async with hosting(gateway=Links()) as host, host.client() as (reader, writer):
        await asyncio.sleep(0.01)
        host.shut_down()
        writer.write(GET * 2)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 302")
        assert answer.count(b"HTTP/1.1") == 1
        assert b"\r\nconnection: close\r\n" in answer


async def test_a_connection_at_rest_ends_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does one in whose request there is a head at most."""
    monkeypatch.setattr(protocol, "IDLE_SECONDS", 10 * LIMIT_SECONDS)
    for beginning in (b"", GET[:-4]):
        async with hosting(gateway=Links()) as host, host.client() as (reader, writer):
            writer.write(beginning)
            await asyncio.sleep(0.01)
            host.shut_down()
            assert await reader.read() == b""


async def test_a_full_queue_answers_all_that_wait() -> None:
    """However many they are, and in their turn."""
    async with hosting(gateway=Links()) as host, host.client() as (reader, writer):
        writer.write(GET * 250 + GET.replace(b"Host", b"Connection: close\r\nHost"))
        answers = await reader.read()
        assert answers.startswith(b"HTTP/1.1 302")
        assert answers.count(b"HTTP/1.1 503") == 250


class CountingLines(Connection):
    """Counts the lines of heads that it is told."""

    lines = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a line."""
        CountingLines.lines += 1
        super().on_header(name, value)


async def test_lines_beyond_those_that_a_head_may_have_are_not_read() -> None:
    """Also where thousands of them come in one piece: each costs time, for which there is no answer but one."""
    host = Host(10, kind=CountingLines)
    await host.start()
    async with host.client() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a:\r\n" * 4_000)
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    await host.stop()
    assert CountingLines.lines == limits.HEAD_LINES + 1
