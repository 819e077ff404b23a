"""Short links over HTTP."""

import asyncio
from pathlib import Path

import httpx
import pytest

from clicktrail.shortener.v1.redirect_service_pb2 import ResolveFlightRequest
from tests.integration.gateway.conftest import GatewayProcess
from tests.support.gateway.answers import faults_of, raw
from tests.support.gateway.peer import DESTINATION, STORE_DOWN
from tests.support.gateway.peers import Peers

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}


async def test_a_link_redirects(web: httpx.AsyncClient, peers: Peers) -> None:
    """One hop, nothing cached, nothing indexed, and the hit is told as it was."""
    headers = {"User-Agent": "phone", "Referer": "https://a.example/", "Accept-Language": "es", "Host": "Go.Example:80"}
    response = await web.get("/abc123?qr=1", headers=headers)
    assert response.status_code == 302
    assert response.headers["location"].startswith(DESTINATION)
    assert response.content == b""
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["x-robots-tag"] == "noindex"
    assert response.headers["referrer-policy"]
    (hit,) = peers.redirects.last(ResolveFlightRequest).hits
    assert (hit.code, hit.host, hit.query, hit.address) == ("abc123", "go.example", "qr=1", "127.0.0.1")
    assert (hit.user_agent, hit.referrer, hit.accept_language) == ("phone", "https://a.example/", "es")
    assert not hit.is_head
    assert hit.received_at.seconds
    assert len(hit.nonce) == 50


async def test_head_is_told_apart(web: httpx.AsyncClient, peers: Peers) -> None:
    """The same headers, no body."""
    response = await web.head("/abc123")
    assert (response.status_code, response.headers["location"], response.content) == (302, DESTINATION, b"")
    assert peers.redirects.last(ResolveFlightRequest).hits[0].is_head


async def test_a_prefetch_is_asked_to_come_again(web: httpx.AsyncClient) -> None:
    """No location that the browser could reuse, and nothing that comes again by itself, as a click would."""
    response = await web.get("/abc123", headers={"Sec-Purpose": "prefetch"})
    assert response.status_code == 503
    assert not {"retry-after", "refresh"} & response.headers.keys()
    assert b'<a href="">' in response.content
    assert "location" not in response.headers
    assert "no-store" in response.headers["cache-control"]


@pytest.mark.parametrize(("code", "status"), [("missing", 404), ("expired", 410), ("later", 503)])
async def test_what_does_not_redirect_shows_a_page_or_json(web: httpx.AsyncClient, code: str, status: int) -> None:
    """A small page for people, errors for programs, and when to come again."""
    page = await web.get(f"/{code}", headers=PAGE)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert len(page.content) < 2048
    assert b"http" not in page.content
    assert (b'<a href="">Try again</a>' in page.content) == (status == 503)
    assert page.headers.get("refresh") == page.headers.get("retry-after") == ("3" if status == 503 else None)
    program = await web.get(f"/{code}", headers=PROGRAM)
    assert program.status_code == status
    assert faults_of(program)
    assert ("retry-after" in program.headers) == (status == 503)
    head = await web.head(f"/{code}", headers=PAGE)
    assert (head.status_code, head.content) == (status, b"")


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/../etc", "/..%2f", "/%2e%2e", "/.env", "/%ff%fe", "/%C3%A9", "/\u00e9", "/" + "a" * 65],
)  # fmt: skip
async def test_what_is_no_code_is_not_asked_for(gateway: GatewayProcess, peers: Peers, path: str) -> None:
    """404 in the form of the API, without a call."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answer = await raw(gateway.address, request)
    assert answer.startswith(b"HTTP/1.1 404")
    assert b'{"errors":[{"type":"not_found"' in answer
    assert peers.redirects.requests == []


@pytest.mark.parametrize(
    ("target", "query"),
    [
        (b"/abc?utm_term=caf\xc3\xa9", "utm_term=caf%C3%A9"),
        (b"/abc?x=\xe9", "x=%E9"),
        (b"/abc?\xf0\x9f\x8e\x81=1&qr", "%F0%9F%8E%81=1&qr"),
        (b"/abc?x=%25\xc3\xa9", "x=%25%C3%A9"),
        (b"/abc\xe2\x80\x9d", ""),
        (b"/abc\xc2\xa0?a=b", "a=b"),
        (b"/abc#\xc3\xa9", ""),
    ],
)
async def test_bytes_beyond_ascii_in_an_address_are_taken(
    gateway: GatewayProcess, peers: Peers, target: bytes, query: str
) -> None:
    """Percent-encoded, as browsers would have sent them; headers are read as UTF-8."""
    request = b"GET %b HTTP/1.1\r\nHost: x\r\nUser-Agent: \xc3\xa9\r\n%b\r\n"
    answer = await raw(gateway.address, request % (target, b"Connection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 302")
    (hit,) = peers.redirects.last(ResolveFlightRequest).hits
    assert (hit.code, hit.query, hit.user_agent) == ("abc", query, "é")


async def test_an_over_long_address_is_refused(gateway: GatewayProcess, peers: Peers) -> None:
    """With 414, by us or, beyond 16 KB, by the server."""
    for length in (10_000, 100_000):
        answer = await raw(
            gateway.address, b"GET /" + b"a" * length + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 414")
    assert peers.redirects.requests == []


async def test_other_methods_are_refused(web: httpx.AsyncClient) -> None:
    """With the ones that are allowed."""
    response = await web.post("/abc123", headers=PROGRAM)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert faults_of(response)


async def test_a_location_never_splits_the_answer(web: httpx.AsyncClient) -> None:
    """A line break in it is a fault of ours, told by request id alone."""
    response = await web.get("/split", headers=PROGRAM)
    assert response.status_code == 500
    assert "set-cookie" not in response.headers
    assert "request id" in response.text


async def test_odd_headers_fail_nobody(gateway: GatewayProcess) -> None:
    """Bytes beyond ASCII pass; a bare carriage return is refused before us."""
    request = b"GET /abc HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xe9%s\r\nConnection: close\r\n\r\n"
    assert (await raw(gateway.address, request % b"")).startswith(b"HTTP/1.1 302")
    assert (await raw(gateway.address, request % b"\rX: y")).startswith(b"HTTP/1.1 400")


async def test_hits_of_a_batch_share_their_first_byte(web: httpx.AsyncClient, peers: Peers) -> None:
    """And nothing else: all get their own answers."""
    responses = await asyncio.gather(*(web.get(f"/code{number}") for number in range(60)))
    assert {response.status_code for response in responses} == {302}
    assert len({response.headers["location"] for response in responses}) == 60
    for request in peers.redirects.requests:
        assert len({hit.nonce[0] for hit in request.hits}) == 1
    assert sum(len(request.hits) for request in peers.redirects.requests) == 60


async def test_a_poisonous_hit_fails_alone(web: httpx.AsyncClient, gateway_log: Path) -> None:
    """Its neighbours redirect; its own answer shows a request id that stands in the log."""
    paths = ["/poison" if number == 7 else f"/code{number}" for number in range(20)]
    responses = await asyncio.gather(*(web.get(path, headers=PROGRAM) for path in paths))
    assert [response.status_code for response in responses] == [500 if path == "/poison" else 302 for path in paths]
    request_id = responses[7].json()["errors"][0]["description"].rpartition(" ")[2].rstrip(".")
    assert request_id in gateway_log.read_text()  # noqa: ASYNC240  (a small file)


async def test_a_passing_failure_is_not_noticed(web: httpx.AsyncClient, peers: Peers) -> None:
    """The batch is repeated with the same hits: the same times, the same nonces."""
    peers.redirects.failures.extend([STORE_DOWN, STORE_DOWN])
    assert (await web.get("/abc123")).status_code == 302
    first, second, third = peers.redirects.requests
    assert first == second == third


async def test_a_lasting_failure_is_503(hasty: httpx.AsyncClient, peers: Peers) -> None:
    """With when to come again, and why."""
    peers.redirects.failures.extend([STORE_DOWN] * 200)
    response = await hasty.get("/abc123", headers=PROGRAM)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert faults_of(response) == [("unavailable", None)]


async def test_a_restart_of_the_shortener_is_not_noticed(web: httpx.AsyncClient, peers: Peers) -> None:
    """A hit waits for it."""
    assert (await web.get("/before")).status_code == 302
    await peers.shortener.stop(0)
    waiting = asyncio.create_task(web.get("/meanwhile"))
    await asyncio.sleep(0.2)
    peers.shortener = await peers.restart_shortener()
    assert (await waiting).status_code == 302


@pytest.mark.parametrize(
    ("path", "status"), [("/robots.txt", 200), ("/favicon.ico", 204), ("/healthz", 200), ("/readyz", 200)]
)
async def test_our_own_paths_are_no_codes(web: httpx.AsyncClient, peers: Peers, path: str, status: int) -> None:
    """Answered without a lookup."""
    assert (await web.get(path)).status_code == status
    assert peers.redirects.requests == []
