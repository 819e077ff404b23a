"""The client for servers of others, against servers on loopback that behave well or badly."""

import asyncio
import gzip
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tracking_service.outgoing.client import GuardedClient
from tracking_service.outgoing.errors import (
    AddressRefused,
    AnswerTooLarge,
    RequestTimedOut,
    ServerUnreachable,
    UnexpectedStatus,
)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


class Served:
    """A server that answers every request with the same bytes, and keeps the heads of what it was asked."""

    def __init__(self, answer: bytes, *, stays_open: bool) -> None:
        self.heads: list[str] = []
        self.port = 0
        self._answer = answer
        self._stays_open = stays_open

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; one that stays open ends when its client goes."""
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(self._answer)
            await writer.drain()
            if self._stays_open:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    answer: bytes, *, host: str = "127.0.0.1", stays_open: bool = False, context: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Serve on a free port of a loopback address."""
    served = Served(answer, stays_open=stays_open)
    server = await asyncio.start_server(served.answer, host, 0, ssl=context)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def answer_of(body: bytes, *heads: str, status: str = "200 OK") -> bytes:
    """Return an answer as it stands on the wire."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *heads, "", "")
    return "\r\n".join(lines).encode() + body


def resolve_as(monkeypatch: pytest.MonkeyPatch, addresses: Sequence[str]) -> None:
    """Let every name have these addresses, as a stranger's name server might tell."""

    async def getaddrinfo(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        ends = [(address, port) for address in addresses]
        return [(kind, socket.SOCK_STREAM, 6, "", end) for kind, end in zip(kinds, ends, strict=True)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_allowed_server_is_asked(host: str) -> None:
    """The request arrives whole, with the name of the server as its host."""
    async with serving(answer_of(b'{"id": 1}'), host=host) as served:
        authority = f"[{host}]:{served.port}" if ":" in host else f"{host}:{served.port}"
        client = GuardedClient(LOOPBACK)
        answer = await client.request("GET", f"http://{authority}/orders/1?a=b", headers={"X-Key": "k"})
    assert (answer.status, answer.body) == (200, b'{"id": 1}')
    head = served.heads[0].lower()
    assert head.startswith("get /orders/1?a=b http/1.1\r\n")
    assert f"\r\nhost: {authority}\r\n" in head
    assert "\r\nx-key: k\r\n" in head


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::]"]
)
async def test_loopback_is_refused_however_it_is_written(scheme: str, host: str) -> None:
    """As production has it: no network is allowed, and nothing is sent."""
    async with serving(answer_of(b"secret")) as served:
        with pytest.raises(AddressRefused):
            await GuardedClient().request("GET", f"{scheme}://{host}:{served.port}/")
    assert served.heads == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.example", "ftp://shop.example/", "file:///etc/passwd", "https://", "https://a:b@shop.example/"),
        *("https://127.0.0.1:0/", "https://127.0.0.1:99999/", "https://127.0.0.1:-1/", "https://xn--/"),
        *("https://127.0.0.1\\@shop.example/", "https://ⓛocalhost/", "https://[v1.x]/"),
    ],
)
async def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    """Other schemes, credentials within, no host, and names and ports that cannot be."""
    with pytest.raises(AddressRefused):
        await GuardedClient(LOOPBACK).request("GET", url)


async def test_only_allowed_networks_are_asked_without_tls() -> None:
    """A public address is not asked in plain text."""
    with pytest.raises(AddressRefused):
        await GuardedClient(LOOPBACK).request("GET", "http://1.1.1.1/")


async def test_a_name_with_addresses_of_both_kinds_reaches_the_permitted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is left out; where an address does not take the connection, the next one is asked."""
    async with serving(answer_of(b"there"), host="127.0.0.3") as served:
        resolve_as(monkeypatch, ["10.0.0.1", "169.254.169.254", "127.0.0.2", "127.0.0.3"])
        answer = await GuardedClient(LOOPBACK).request("GET", f"http://shop.example:{served.port}/")
        with pytest.raises(AddressRefused):
            await GuardedClient().request("GET", f"https://shop.example:{served.port}/")
    assert answer.body == b"there"
    assert f"Host: shop.example:{served.port}" in served.heads[0]


async def test_tls_is_with_the_name_and_not_with_the_address(tmp_path: Path) -> None:
    """The server is told the name and proves it; one that proves another is not asked."""
    authority = Authority("authority")
    authority.sign_into(tmp_path, "shop", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    told: list[str | None] = []
    context.sni_callback = lambda _, name, __: told.append(name)
    client = GuardedClient(LOOPBACK, ssl.create_default_context(cadata=authority.pem.decode()))
    async with serving(answer_of(b"proved"), context=context) as served:
        answer = await client.request("GET", f"https://localhost:{served.port}/")
        with pytest.raises(ServerUnreachable):
            await client.request("GET", f"https://127.0.0.1:{served.port}/")
        with pytest.raises(ServerUnreachable):
            await GuardedClient(LOOPBACK).request("GET", f"https://localhost:{served.port}/")
    assert answer.body == b"proved"
    assert told[0] == "localhost"
    assert len(served.heads) == 1


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_no_redirect_is_followed(status: str) -> None:
    """It is an unexpected status, wherever it leads."""
    async with serving(answer_of(b"secret")) as other:
        location = f"Location: http://127.0.0.1:{other.port}/"
        async with serving(answer_of(b"", location, status=status)) as served:
            with pytest.raises(UnexpectedStatus) as error:
                await GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/")
    assert error.value.status == int(status[:3])
    assert other.heads == []


async def test_a_status_is_told_with_when_to_come_again() -> None:
    """As the server said it, which may be seconds or a date."""
    async with serving(answer_of(b"slower", "Retry-After: 30", status="429 Too Many Requests")) as served:
        with pytest.raises(UnexpectedStatus) as error:
            await GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/")
    assert (error.value.status, error.value.retry_after) == (429, "30")


@pytest.mark.parametrize("size", [1000, 1001])
@pytest.mark.parametrize("is_zipped", [False, True])
async def test_an_answer_has_a_bound(size: int, *, is_zipped: bool) -> None:
    """In bytes as sent and as unzipped; what has exactly as many is taken."""
    body = b"0" * size
    sent = answer_of(gzip.compress(body), "Content-Encoding: gzip") if is_zipped else answer_of(body)
    async with serving(sent) as served:
        asked = GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/", max_bytes=1000)
        if size > 1000:
            with pytest.raises(AnswerTooLarge):
                await asked
        else:
            assert (await asked).body == body


async def test_unzipping_stops_at_the_bound() -> None:
    """A small answer that would fill the memory does not."""
    zipped = gzip.compress(bytes(50_000_000))
    async with serving(answer_of(zipped, "Content-Encoding: gzip")) as served:
        client = GuardedClient(LOOPBACK)
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge):
                await client.request("GET", f"http://127.0.0.1:{served.port}/", max_bytes=100_000)
            assert tracemalloc.get_traced_memory()[1] < 5_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "header", [("X-Token", "é"), ("X-Token", "a\r\nX-Other: b"), ("X-Tokén", "a"), ("X-Token", "\0")]
)
async def test_a_header_that_cannot_be_is_told(header: tuple[str, str]) -> None:
    """Before anything is resolved or sent."""
    with pytest.raises(ValueError, match="header"):
        await GuardedClient(LOOPBACK).request("GET", "http://127.0.0.1:1/", headers=dict([header]))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nless",
        answer_of(b"not zipped", "Content-Encoding: gzip"),
        answer_of(gzip.compress(b"0" * 99)[:-9], "Content-Encoding: gzip"),
        answer_of(gzip.compress(b"1") + gzip.compress(b"2"), "Content-Encoding: gzip"),
        answer_of(b"x", "Content-Encoding: br"),
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
)
async def test_what_is_not_a_whole_answer_is_none(answer: bytes) -> None:
    """Nothing, other protocols, broken off, damaged, encoded otherwise than asked, heads without end."""
    async with serving(answer) as served:
        with pytest.raises(ServerUnreachable):
            await GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nless"])
async def test_a_slow_server_is_left(answer: bytes) -> None:
    """Whether it says nothing or never ends."""
    async with serving(answer, stays_open=True) as served:
        with pytest.raises(RequestTimedOut):
            await GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/", total_seconds=0.2)


async def test_who_does_not_listen_is_told() -> None:
    """A port that was just free."""
    async with serving(b"") as served:
        pass
    with pytest.raises(ServerUnreachable):
        await GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/")


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve names itself."""
    async with serving(answer_of(b"proxy")) as proxy, serving(answer_of(b"server")) as served:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        answer = await GuardedClient(LOOPBACK).request("GET", f"http://127.0.0.1:{served.port}/")
    assert answer.body == b"server"
