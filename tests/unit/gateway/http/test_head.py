"""One host, one target, one way to end a body."""

import pytest

from gateway.http.asgi import RawHeaders
from gateway.http.errors import RefusedError
from gateway.http.head import JUDGED, Head, read_head

HOST = (b"host", b"go.example")


def read(target: bytes = b"/abc", version: str = "1.1", headers: RawHeaders | None = None) -> Head:
    """Return the head of a GET with these headers."""
    headers = [HOST] if headers is None else headers
    return read_head(b"GET", target, version, headers, [header for header in headers if header[0] in JUDGED])


def status_of(target: bytes = b"/abc", version: str = "1.1", headers: RawHeaders | None = None) -> int:
    """Return the status of the refusal of a head."""
    with pytest.raises(RefusedError) as refusal:
        read(target, version, headers)
    return refusal.value.problem.status


@pytest.mark.parametrize(
    "host",
    [
        b"go.example",
        b"GO.example:8080",
        b"192.0.2.1",
        b"[2001:db8::1]",
        b"[::1]:80",
        b"go.example.",
        b"a_b",
        b"go:",
        b"",
    ],
)
def test_one_host_is_taken(host: bytes) -> None:
    """In every way that it may be written."""
    assert read(headers=[(b"host", host)]).headers == [(b"host", host)]


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a,b",
        b"a/b",
        b"user@a",
        b"a?b",
        b"a#b",
        b"a:b",
        b"a:123456",
        b"[::1",
        b"::1",
        b"\xc3\xa9.example",
        b"a\\b",
    ],
)
def test_a_host_that_could_be_read_in_two_ways_is_refused(host: bytes) -> None:
    """400."""
    assert status_of(headers=[(b"host", host)]) == 400


def test_there_is_one_host() -> None:
    """None at all is known to HTTP/1.0 alone."""
    assert status_of(headers=[HOST, HOST]) == 400
    assert status_of(headers=[]) == 400
    assert status_of(version="1.0", headers=[HOST, (b"host", b"b")]) == 400
    assert read(version="1.0", headers=[]).headers == []


@pytest.mark.parametrize(
    ("target", "expected", "authority"),
    [
        (b"http://other.example/abc?x=/y", b"/abc?x=/y", b"other.example"),
        (b"HTTPS://other.example:8443/", b"/", b"other.example:8443"),
        (b"http://[::1]:80/a//b", b"/a//b", b"[::1]:80"),
    ],
)
def test_the_authority_of_a_target_goes_before_the_header(target: bytes, expected: bytes, authority: bytes) -> None:
    """Whoever judged the header alone has judged another."""
    head = read(target, headers=[(b"accept", b"*/*"), HOST])
    assert (head.target, head.headers) == (expected, [(b"accept", b"*/*"), (b"host", authority)])


@pytest.mark.parametrize(
    "target", [b"http://go.example", b"http://go.example?x", b"ftp://a/b", b"http://u@a/b", b"a:80"]
)
def test_other_targets_are_refused(target: bytes) -> None:
    """400."""
    assert status_of(target) == 400


def test_nothing_else_is_a_target_of_its_own() -> None:
    """`OPTIONS *` asks of the server itself; a path may begin with two slashes."""
    assert read(b"*").target == b"*"
    assert read(b"//a/b").target == b"//a/b"


@pytest.mark.parametrize(
    ("codings", "status"),
    [([b"gzip, chunked"], 501), ([b"gzip"], 501), ([b"chunked", b"chunked"], 501), ([b"identity"], 501)],
)
def test_bodies_are_chunked_or_have_a_length(codings: list[bytes], status: int) -> None:
    """No other coding is undone here."""
    assert status_of(headers=[HOST, *((b"transfer-encoding", coding) for coding in codings)]) == status


def test_chunks_are_known_to_the_latest_version_alone() -> None:
    """A proxy that speaks HTTP/1.0 may have seen another end."""
    chunked = [HOST, (b"transfer-encoding", b" Chunked")]
    assert read(headers=chunked).headers == chunked
    assert status_of(version="1.0", headers=chunked) == 400


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_other_versions_are_refused(version: str) -> None:
    """505."""
    assert status_of(version=version) == 505


@pytest.mark.parametrize(
    ("version", "value", "expects"),
    [("1.1", b"100-Continue", True), ("1.1", b"x", False), ("1.0", b"100-continue", False)],
)
def test_a_client_may_wait_to_be_told_to_send(version: str, value: bytes, expects: bool) -> None:  # noqa: FBT001  (a parameter)
    """Where its version knows that."""
    assert read(version=version, headers=[HOST, (b"expect", value)]).expects_continue is expects
