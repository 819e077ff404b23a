"""What is read out of a request for a short link."""

import pytest

from common.ids import NONCE_BYTES
from gateway.addresses import client_address
from gateway.redirects.hits import HitRequest, hit_of, host_of


def request_with(*headers: tuple[bytes, bytes], is_head: bool = False) -> HitRequest:
    """Return a request with these headers."""
    return HitRequest("abc", b"a=\xff", list(headers), "10.0.0.9", is_head)


def test_bytes_beyond_ascii_are_kept() -> None:
    """A header that is no UTF-8 fails nobody."""
    hit = hit_of(request_with((b"user-agent", b"\xe9" * 2000), (b"host", b"Go.Example.com:8080")), 7, 0)
    assert hit.user_agent == "é" * 1024
    assert hit.host == "go.example.com"
    assert hit.query == "a=ÿ"
    assert hit.address == "10.0.0.9"


def test_a_nonce_begins_with_the_lane() -> None:
    """The rest is chance."""
    first, second = (hit_of(request_with(), 7, 0).nonce for _ in range(2))
    assert len(first) == NONCE_BYTES
    assert first[0] == second[0] == 7
    assert first[1:] != second[1:]


def test_every_prefetch_header_counts() -> None:
    """Whichever the browser sends."""
    headers = ((b"sec-purpose", b"prefetch;prerender"), (b"x-moz", b"prefetch"))
    assert hit_of(request_with(*headers, is_head=True), 7, 0).purpose == "prefetch;prerender, prefetch"
    assert hit_of(request_with(*headers, is_head=True), 7, 0).is_head


@pytest.mark.parametrize(
    ("header", "expected"),
    [("a.example", "a.example"), ("A.example:80", "a.example"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")],
)
def test_a_host_has_no_port(header: str, expected: str) -> None:
    """Names, addresses, nothing at all."""
    assert host_of(header) == expected


@pytest.mark.parametrize(
    ("forwarded", "trusted", "expected"),
    [
        (b"1.1.1.1", 0, "10.0.0.9"),
        (b"6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        (b"6.6.6.6, 1.1.1.1, 10.0.0.1", 2, "1.1.1.1"),
        (b"1.1.1.1", 2, "10.0.0.9"),
        (b"what?", 1, "10.0.0.9"),
        (b"::1", 1, "::1"),
    ],
)
def test_only_our_own_proxies_are_believed(forwarded: bytes, trusted: int, expected: str) -> None:
    """What a client puts into the header itself is never its address."""
    assert client_address("10.0.0.9", [(b"x-forwarded-for", forwarded)], trusted) == expected
