"""What a connection makes of requests that are many, odd, broken or cut short: on raw sockets."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.integration.gateway.conftest import GatewayProcess, running_gateway
from tests.support.gateway.answers import raw
from tests.support.gateway.peer import BUSINESS, KNOWN_SESSION, STORE_DOWN
from tests.support.gateway.peers import Peers
from tests.support.gateway.report_peers import SIGNATURE
from tests.support.waiting import eventually

EVENT = b'{"action":"page.viewed","session":"%b"}' % KNOWN_SESSION.encode()
EVENT_HEAD = b"POST /v1/track/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n" % BUSINESS.encode()
LENGTH = b"Content-Length: %d\r\n" % len(EVENT)
POST = EVENT_HEAD + LENGTH + b"\r\n" + EVENT
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
CLOSE = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
STREAM = b"GET /v1/campaigns/spring/report/stream?signature=%b HTTP/1.1\r\nHost: x\r\n\r\n" % SIGNATURE.encode()
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z]")
REFUSAL = re.compile(rb'HTTP/1\.1 (\d{3}) [^{]*\r\nconnection: close\r\n\r\n\{"errors":\[\{"type":"[^{}]*"\}\]\}')


def get(target: bytes, more: bytes = b"") -> bytes:
    """Return a request."""
    return b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (target, more)


def statuses(answers: bytes) -> list[int]:
    """Return the statuses of answers, in order."""
    return [int(status) for status in STATUS_LINE.findall(answers)]


def hits(peers: Peers) -> list[str]:
    """Return the codes that the shortener was asked for, in order."""
    return [hit.code for request in peers.redirects.requests for hit in request.hits]


@asynccontextmanager
async def connected(gateway: GatewayProcess) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a gateway."""
    host, _, port = gateway.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(120):
            yield reader, writer
    finally:
        writer.close()


async def said(gateway: GatewayProcess, request: bytes) -> bytes:
    """Send bytes, then say that nothing more comes; return all that comes back."""
    async with connected(gateway) as (reader, writer):
        writer.write(request)
        writer.write_eof()
        return await reader.read()


async def test_answers_come_in_the_order_of_their_requests(gateway: GatewayProcess, peers: Peers) -> None:
    """Hits and other requests in one write, none lost, none asked for twice."""
    requests = [get(b"/a"), POST, get(b"/missing"), get(b"/healthz"), get(b"/expired"), POST, get(b"/b"), CLOSE]
    answers = await raw(gateway.address, b"".join(requests))
    assert statuses(answers) == [302, 200, 404, 200, 410, 200, 302, 200]
    assert hits(peers) == ["a", "missing", "expired", "b"]


async def test_many_hits_in_one_write(gateway: GatewayProcess, peers: Peers) -> None:
    """Each is a click and has an answer."""
    codes = [f"code{number}" for number in range(50)]
    answers = await raw(gateway.address, b"".join(get(b"/" + code.encode()) for code in codes) + CLOSE)
    assert statuses(answers) == [302] * 50 + [200]
    assert hits(peers) == codes


async def test_too_many_requests_that_wait_are_refused(gateway: GatewayProcess, peers: Peers) -> None:
    """Those before are answered, those beyond are no clicks: each that waits takes memory."""
    answers = await raw(gateway.address, get(b"/abc") * 2_000)
    assert statuses(answers) == [302] * 257 + [503]
    assert b"retry-after: 1\r\n" in answers
    assert len(hits(peers)) == 257


async def _count(peers: Peers) -> int:
    return len(peers.redirects.requests)


async def test_a_head_may_be_in_two_pieces_after_many_others(gateway: GatewayProcess, peers: Peers) -> None:
    """Only its own bytes count."""
    padded = get(b"/abc", b"X: %b\r\n" % (b"y" * 2_000))
    async with connected(gateway) as (reader, writer):
        writer.write(padded + padded[:50])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(padded[50:] + padded * 200 + CLOSE[:50])
        for _ in range(201):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(CLOSE[50:])
        assert statuses(await reader.read()) == [200]
    assert len(hits(peers)) == 202


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (get(b"/abc"), [302]),
        (POST, [200]),
        (get(b"/healthz"), [200]),
        (get(b"/a") + POST + get(b"/b"), [302, 200, 302]),
    ],
)
async def test_a_client_that_says_nothing_more_is_answered(
    gateway: GatewayProcess, peers: Peers, request_: bytes, expected: list[int]
) -> None:
    """Whatever it has asked for."""
    assert statuses(await said(gateway, request_)) == expected
    assert len(hits(peers)) == expected.count(302)


async def test_a_request_that_ends_early_is_refused_in_its_turn(gateway: GatewayProcess, peers: Peers) -> None:
    """What came before it is answered first; half a head is no request."""
    answers = await said(gateway, get(b"/a") + POST[:-5])
    assert statuses(answers) == [302, 400]
    assert REFUSAL.search(answers)
    assert statuses(await said(gateway, POST[:-5])) == [400]
    assert statuses(await said(gateway, get(b"/a") + POST[:30])) == [302]
    assert peers.events.requests == []


async def test_a_hit_whose_client_has_gone_is_a_click(gateway: GatewayProcess, peers: Peers) -> None:
    """It is repeated until it is safe."""
    peers.redirects.failures.extend([STORE_DOWN] * 3)
    async with connected(gateway) as (_, writer):
        writer.write(get(b"/abc"))
        await eventually(lambda: _count(peers), lambda seen: seen > 0)
    await eventually(lambda: _count(peers), lambda seen: seen == 4)


async def test_a_stream_ends_with_its_client_whatever_came_after_it(
    gateway: GatewayProcess, peers: Peers, gateway_log: Path
) -> None:
    """Without an error."""

    async def watch(following: bytes) -> None:
        async with connected(gateway) as (reader, writer):
            writer.write(STREAM + following)
            await reader.readuntil(b"event: report")

    async def watching() -> int:
        return peers.reports.watching

    await asyncio.gather(*map(watch, (b"", get(b"/healthz"), get(b"/abc"), POST[:-5])))
    await eventually(watching, lambda seen: seen == 0)
    assert hits(peers) == []
    assert "Exception in ASGI application" not in gateway_log.read_text()  # noqa: ASYNC240  (a small file)


async def test_a_stream_ends_where_its_client_says_that_nothing_more_comes(gateway: GatewayProcess) -> None:
    """Browsers that leave say no more than that."""
    async with connected(gateway) as (reader, writer):
        writer.write(STREAM)
        await reader.readuntil(b"event: report")
        writer.write_eof()
        assert not (await reader.read()).endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nhello",
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nUser-Agent: late\r\n\r\n",
    ],
)
async def test_what_comes_with_a_hit_is_left_out(gateway: GatewayProcess, peers: Peers, body: bytes) -> None:
    """And the next request is found behind it; trailers are no headers."""
    request = b"GET /abc HTTP/1.1\r\nHost: x\r\n" + body
    async with connected(gateway) as (reader, writer):
        writer.write(get(b"/before") + request[:-3])
        await reader.readuntil(b"\r\n\r\n")
        assert hits(peers) == ["before"]
        writer.write(request[-3:] + get(b"/next") + CLOSE)
        assert statuses(await reader.read()) == [302, 302, 200]
    assert hits(peers) == ["before", "abc", "next"]
    assert {hit.user_agent for request in peers.redirects.requests for hit in request.hits} == {""}


@pytest.mark.parametrize("offer", [OFFER, b"Connection: upgrade\r\nUpgrade: websocket\r\n"])
async def test_other_protocols_are_declined(gateway: GatewayProcess, peers: Peers, offer: bytes) -> None:
    """It goes on as HTTP/1.1, bodies included, which are never taken for requests."""
    chunked = EVENT_HEAD + offer + CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)
    hidden = get(b"/hidden")
    with_body = get(b"/c", offer + b"Content-Length: %d\r\n" % len(hidden)) + hidden
    requests = [get(b"/a", offer), EVENT_HEAD + offer + LENGTH + b"\r\n" + EVENT, chunked, with_body, get(b"/b"), CLOSE]
    assert statuses(await raw(gateway.address, b"".join(requests))) == [302, 200, 200, 302, 302, 200]
    assert hits(peers) == ["a", "c", "b"]
    assert len(peers.events.requests) == 2


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get(b"http://go.example/abc"), 302), (get(b"/%61bc"), 302), (get(b"/abc#x"), 302), (get(b"/%2561bc"), 404),
        (b"HEAD /abc HTTP/1.1\r\nHost:\r\n\r\n", 302), (b"\r\n\r\n" + get(b"/abc"), 302),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (get(b"/abc", b"User-Agent: \xff\xe9\r\n"), 302),
    ],
)  # fmt: skip
async def test_odd_requests_are_understood(gateway: GatewayProcess, peers: Peers, request_: bytes, status: int) -> None:
    """And the connection goes on."""
    assert statuses(await raw(gateway.address, request_ + CLOSE)) == [status, 200]
    assert hits(peers) == (["abc"] if status == 302 else [])


@pytest.mark.parametrize(
    "request_",
    [b"GET /abc HTTP/1.0\r\n\r\n", b"GET /abc HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     get(b"/abc", b"Connection: close\r\n")],
)  # fmt: skip
async def test_the_last_request_of_a_connection(gateway: GatewayProcess, peers: Peers, request_: bytes) -> None:
    """The answer says that it is the last, and what follows is nothing."""
    answers = await raw(gateway.address, request_ + get(b"/next"))
    assert statuses(answers) == [302]
    assert b"\r\nconnection: close\r\n" in answers
    assert hits(peers) == ["abc"]


async def test_a_body_is_asked_for(gateway: GatewayProcess, peers: Peers) -> None:
    """Where its sender waits for that, and only in its turn."""
    async with connected(gateway) as (reader, writer):
        writer.write(get(b"/abc") + EVENT_HEAD + LENGTH + b"Expect: 100-continue\r\n\r\n")
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [302]
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(EVENT + CLOSE)
        assert statuses(await reader.read()) == [200, 200]
    assert len(peers.events.requests) == 1


BROKEN = {
    "noise": b"\x00\x01\x02\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + b"x" * 100,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    "no path": get(b"http://go.example"),
    "an unknown method": b"FOO /abc HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare line feeds": b"GET /abc HTTP/1.1\nHost: x\n\n",
    "a bare carriage return": get(b"/abc", b"X: y\rZ: z\r\n"),
    "NUL": get(b"/abc", b"X: y\0z\r\n"),
    "a folded line": get(b"/abc", b"X: y\r\n z\r\n"),
    "a space before the colon": get(b"/abc", b"X : y\r\n"),
    "two ways to end": get(b"/abc", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    "two lengths": get(b"/abc", b"Content-Length: 0\r\nContent-Length: 1\r\n"),
    "a length with a sign": get(b"/abc", b"Content-Length: +5\r\n") + b"hello",
    "an unknown coding": get(b"/abc", b"Transfer-Encoding: chunked, gzip\r\n") + b"0\r\n\r\n",
    "a broken chunk": get(b"/abc", b"Transfer-Encoding: chunked\r\n") + b"zz\r\n",
    "a broken chunk of an event": EVENT_HEAD + CHUNKED + b"5\r\nhellozz\r\n",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_request_is_refused_in_its_turn(gateway: GatewayProcess, peers: Peers, broken: bytes) -> None:
    """Once, in the form of the API, after the answers to what came before; nothing in or behind it counts."""
    for before, expected in ((b"", [400]), (get(b"/a") + POST, [302, 200, 400])):
        peers.reset()
        answers = await raw(gateway.address, before + broken + get(b"/smuggled"))
        assert statuses(answers) == expected
        assert hits(peers) == (["a"] if before else [])
        refusal = REFUSAL.search(answers)
        assert refusal
        assert b"\r\ncontent-length: %d\r\n" % len(refusal[0].partition(b"\r\n\r\n")[2]) in refusal[0]


@pytest.mark.parametrize(
    "head",
    [b"POST /v1/links HTTP/1.1\r\nHost: x\r\n", EVENT_HEAD, EVENT_HEAD + b"Expect: 100-continue\r\n"],
    ids=["a call", "an event", "one that waits"],
)
async def test_a_refusal_is_final(gateway: GatewayProcess, peers: Peers, gateway_log: Path, head: bytes) -> None:
    """Whatever its client does then, nothing of the request is done, answered or logged."""
    before = gateway_log.read_text()  # noqa: ASYNC240  (a small file)
    for behind in (b"Z", b"5\r\nhelloZ"):
        async with connected(gateway) as (reader, writer):
            writer.write(head + CHUNKED + behind)
            refusal = await reader.readuntil(b"}]}")
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT))
            writer.write_eof()
            rest = await reader.read()
        assert statuses(refusal.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")) == [400]
        assert rest == b""
    assert peers.events.requests == []
    assert gateway_log.read_text() == before  # noqa: ASYNC240


UNCLEAR = {
    "no host": (b"GET /abc HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get(b"/abc", b"Host: y\r\n"), 400),
    "a bad host": (b"GET /abc HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    "a coding to undo": (get(b"/abc", b"Transfer-Encoding: gzip, chunked\r\n") + b"0\r\n\r\n", 501),
    "chunks in HTTP/1.0": (b"POST /abc HTTP/1.0\r\n" + CHUNKED + b"0\r\n\r\n", 400),
    "another version": (b"GET /abc HTTP/2.0\r\nHost: x\r\n\r\n", 505),
}


@pytest.mark.parametrize(("unclear", "status"), UNCLEAR.values(), ids=UNCLEAR.keys())
async def test_what_a_proxy_may_read_in_another_way_is_refused(
    gateway: GatewayProcess, peers: Peers, unclear: bytes, status: int
) -> None:
    """In its turn, and nothing behind it counts."""
    answers = await raw(gateway.address, get(b"/a") + unclear + get(b"/smuggled"))
    assert statuses(answers) == [302, status]
    assert REFUSAL.search(answers)
    assert hits(peers) == ["a"]


async def test_the_host_of_a_target_goes_before_the_header(gateway: GatewayProcess, peers: Peers) -> None:
    """As the version asks."""
    assert statuses(await raw(gateway.address, get(b"http://go.example:80/abc?x=1") + CLOSE)) == [302, 200]
    assert [(hit.host, hit.query) for request in peers.redirects.requests for hit in request.hits] == [
        ("go.example", "x=1")
    ]


@pytest.mark.parametrize("lines", [99, 100])
async def test_a_head_has_so_many_lines(gateway: GatewayProcess, lines: int) -> None:
    """Besides its host."""
    answers = await raw(gateway.address, get(b"/abc", b"X: y\r\n" * lines) + CLOSE)
    assert statuses(answers) == ([302, 200] if lines < 100 else [431])


@pytest.mark.parametrize("excess", [-20, 20])
async def test_a_head_has_so_many_bytes(gateway: GatewayProcess, excess: int) -> None:
    """Wherever in a write it begins, and in however many it comes."""
    padding = b"X: %b\r\n" % (b"y" * (16 * 1024 + excess - len(b"/abchost: x\r\n")))
    long = get(b"/abc", padding)
    for before in (0, 1, 50):
        async with connected(gateway) as (reader, writer):
            requests = get(b"/before") * before + long + CLOSE
            for half in (requests[: len(requests) - 9_000], requests[len(requests) - 9_000 :]):
                writer.write(half)
                await asyncio.sleep(0.05)
            assert statuses(await reader.read()) == [302] * before + ([302, 200] if excess < 0 else [431])


LONG = {
    "a target": (b"/abc?" + b"x" * 17_000, b"", 414),
    "a very long target": (b"/abc?" + b"x" * 100_000, b"", 414),
    "a head": (b"/abc", b"X: %b\r\n" % (b"y" * 4_000_000), 431),
    "a head of many lines": (b"/abc", b"X: y\r\n" * 1_000_000, 431),
}


@pytest.mark.parametrize(("target", "more", "status"), LONG.values(), ids=LONG.keys())
async def test_long_heads_are_refused(
    gateway: GatewayProcess, peers: Peers, target: bytes, more: bytes, status: int
) -> None:
    """In their turn; a client that sends all of it before it reads has the answer."""
    answers = await raw(gateway.address, get(b"/before") + get(target, more))
    assert statuses(answers) == [302, status]
    assert REFUSAL.search(answers)
    assert hits(peers) == ["before"]


async def test_trailers_without_end_are_refused(gateway: GatewayProcess, peers: Peers) -> None:
    """There is no memory for them."""
    for head in (EVENT_HEAD, b"GET /abc HTTP/1.1\r\nHost: x\r\n"):
        answers = await raw(gateway.address, head + CHUNKED + b"0\r\n" + b"X: y\r\n" * 1_000_000)
        assert statuses(answers) == [431]
    assert (hits(peers), peers.events.requests) == ([], [])


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_sigterm_answers_what_is_under_way(peers: Peers, tmp_path: Path, workers: str) -> None:
    """Hits, events and what waits behind them; it waits for no client that says nothing, and no stream."""
    environment = peers.environment | {"CLICKTRAIL_HTTP_WORKERS": workers, "CLICKTRAIL_DRAIN_SECONDS": "30"}
    async with (
        running_gateway(environment, tmp_path / "log") as gateway,
        connected(gateway) as (silent, _),
        connected(gateway) as (idle, to_idle),
        connected(gateway) as (half, to_half),
        connected(gateway) as (stream, to_stream),
        connected(gateway) as (busy, to_busy),
    ):
        to_stream.write(STREAM)
        await stream.readuntil(b"event: report")
        to_idle.write(get(b"/abc"))
        await idle.readuntil(b"\r\n\r\n")
        to_half.write(get(b"/abc") + b"GET /ab")
        await half.readuntil(b"\r\n\r\n")
        peers.reset()
        # About a second.
        peers.redirects.failures.extend([STORE_DOWN] * 7)
        to_busy.write(get(b"/a") + POST + get(b"/b"))
        await eventually(lambda: _count(peers), lambda seen: seen > 0)
        assert await asyncio.to_thread(gateway.stop) == 0
        assert statuses(await busy.read()) == [302, 200, 302]
        assert [await each.read() for each in (silent, idle, half)] == [b"", b"", b""]
        assert (await stream.read()).endswith(b"\r\n0\r\n\r\n")


async def test_sigterm_answers_what_is_on_its_way(peers: Peers, tmp_path: Path) -> None:
    """A request that has come to a connection at rest, and the rest of an event that is being read."""
    async with (
        running_gateway(peers.environment | {"CLICKTRAIL_DRAIN_SECONDS": "30"}, tmp_path / "log") as gateway,
        connected(gateway) as (resting, to_resting),
        connected(gateway) as (event, to_event),
    ):
        for reader, writer in ((resting, to_resting), (event, to_event)):
            writer.write(get(b"/abc"))
            await reader.readuntil(b"\r\n\r\n")
        to_event.write(POST[:-5])
        await to_event.drain()
        await asyncio.sleep(0.2)
        gateway.process.send_signal(signal.SIGTERM)
        to_resting.write(get(b"/late"))
        to_event.write(POST[-5:])
        answers = [await resting.read(), await event.read()]
        assert [statuses(answer) for answer in answers] == [[302], [200]]
        assert await asyncio.to_thread(gateway.wait) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_told(gateway: GatewayProcess, peers: Peers, workers: str) -> None:
    """At once, and it is a failure."""
    taken = {"CLICKTRAIL_HTTP_LISTEN": gateway.address, "CLICKTRAIL_HTTP_WORKERS": workers}
    done = subprocess.run(
        [sys.executable, "-m", "gateway"],
        env=os.environ | peers.environment | taken | {"CLICKTRAIL_LOG_FORMAT": "json"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["event"], said["at"], said["reason"]) == ("cannot listen", gateway.address, "Address already in use")
