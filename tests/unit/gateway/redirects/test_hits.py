"""What is read out of a request for a short link."""

import pytest

from common.ids import NONCE_BYTES
from gateway.addresses import DIRECT
from gateway.redirects.hits import HitRequest, hit_of, host_of


def request_with(*headers: tuple[bytes, bytes], is_head: bool = False) -> HitRequest:
    """Return a request with these headers."""
    return HitRequest("abc", b"a=\xff", list(headers), "10.0.0.9", is_head)


def test_bytes_beyond_ascii_are_kept() -> None:
    """A header that is no UTF-8 fails nobody."""
    hit = hit_of(request_with((b"user-agent", b"\xe9" * 2000), (b"host", b"Go.Example.com:8080")), 7, DIRECT)
    assert hit.user_agent == "é" * 1024
    assert hit.host == "go.example.com"
    assert hit.query == "a=ÿ"
    assert hit.address == "10.0.0.9"


@pytest.mark.parametrize("text", ["Móvil 5", "手机", "тел/1", "📱", "cafe\u0301"])
def test_utf_8_is_read_as_such(text: str) -> None:
    """In headers and in the query, as makers of phones and shops write it."""
    headers = [(b"user-agent", text.encode()), (b"referer", b"https://a.example/" + text.encode())]
    hit = hit_of(HitRequest("abc", b"utm_campaign=" + text.encode(), headers, "10.0.0.9", is_head=False), 7, DIRECT)
    assert hit.user_agent == text
    assert hit.referrer == f"https://a.example/{text}"
    assert hit.query == f"utm_campaign={text}"


def test_no_letter_is_cut_in_two() -> None:
    """What is left of a long header is whole, and read like a short one."""
    hit = hit_of(request_with((b"user-agent", b"x" + "é".encode() * 2000)), 7, DIRECT)
    assert hit.user_agent == "x" + "é" * 1023


def test_a_nonce_begins_with_the_lane() -> None:
    """The rest is chance."""
    first, second = (hit_of(request_with(), 7, DIRECT).nonce for _ in range(2))
    assert len(first) == NONCE_BYTES
    assert first[0] == second[0] == 7
    assert first[1:] != second[1:]


def test_every_prefetch_header_counts() -> None:
    """Whichever the browser sends."""
    headers = ((b"sec-purpose", b"prefetch;prerender"), (b"x-moz", b"prefetch"))
    assert hit_of(request_with(*headers, is_head=True), 7, DIRECT).purpose == "prefetch;prerender, prefetch"
    assert hit_of(request_with(*headers, is_head=True), 7, DIRECT).is_head


@pytest.mark.parametrize(
    ("header", "expected"),
    [("a.example", "a.example"), ("A.example:80", "a.example"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", ""),
     ("Go.example.:443", "go.example"), ("go.example.", "go.example"), ("go.example:", "go.example")],
)  # fmt: skip
def test_a_host_has_no_port_and_no_final_dot(header: str, expected: str) -> None:
    """Names, addresses, nothing at all."""
    assert host_of(header) == expected
