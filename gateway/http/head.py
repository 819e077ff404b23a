"""The head of a request, judged once, so that all behind it see one target, one host and one way to end its body.

A proxy before us may have judged another of two hosts, or another end: what can be read in two ways is refused.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import httptools

from gateway.http import limits
from gateway.http.asgi import RawHeaders
from gateway.http.errors import RefusedError

# The headers that decide where a request goes and where it ends; all others are its handler's.
JUDGED = frozenset({b"host", b"transfer-encoding", b"expect"})

# A name, an IPv4 or an IPv6 address, and a port. A comma may join two of them: none is taken.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_SCHEMES = (b"http", b"https")
# A gateway is known by a few names, as a rule.
KNOWN_HOSTS = 1_000
_LATEST = "1.1"


class Head(NamedTuple):
    """The head of a request that is to be answered."""

    method: bytes
    target: bytes
    """Path and query as they came, without what stands before the path; or `*`."""
    version: str
    """Of HTTP: `1.0` or `1.1`."""
    headers: RawHeaders
    """With names in lower case, and one `host` at most."""
    expects_continue: bool
    """Whether its client waits to be told to send the body."""


def read_head(method: bytes, target: bytes, version: str, headers: RawHeaders, judged: RawHeaders) -> Head:
    """Return a head; judged are those of its headers that have a name of `JUDGED`. Raises the refusal of a bad one."""
    if len(judged) == 1 and version == _LATEST and target.startswith(b"/"):
        name, value = judged[0]
        # Nearly every request of all.
        if name == b"host" and _is_host(value):
            return Head(method, target, version, headers, False)  # noqa: FBT003  (a name takes time)
    _check_version(version)
    _check_coding([value for name, value in judged if name == b"transfer-encoding"], version)
    _check_host([value for name, value in judged if name == b"host"], version)
    if not target.startswith(b"/"):
        target, authority = _split(target)
        if authority is not None:
            headers = [*(header for header in headers if header[0] != b"host"), (b"host", authority)]
    expects_continue = any(name == b"expect" and value.lower() == b"100-continue" for name, value in judged)
    return Head(method, target, version, headers, expects_continue=expects_continue and version == _LATEST)


@lru_cache(KNOWN_HOSTS)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _check_version(version: str) -> None:
    if version not in ("1.0", _LATEST):
        raise RefusedError(limits.OTHER_VERSION)


def _check_coding(codings: list[bytes], version: str) -> None:
    """Refuse bodies that end in a way that the version does not know, and codings that would have to be undone."""
    if not codings:
        return
    if version != _LATEST:
        raise RefusedError(limits.NOT_HTTP)
    if [coding.strip().lower() for coding in codings] != [b"chunked"]:
        raise RefusedError(limits.OTHER_CODING)


def _check_host(hosts: list[bytes], version: str) -> None:
    if len(hosts) > 1 or (not hosts and version == _LATEST):
        raise RefusedError(limits.NOT_ONE_HOST)
    if hosts and not _is_host(hosts[0]):
        raise RefusedError(limits.BAD_HOST)


def _check_address(target: bytes) -> None:
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise RefusedError(limits.NOT_HTTP) from None
    if (url.schema or b"").lower() not in _SCHEMES or not url.host or url.userinfo is not None:
        raise RefusedError(limits.NOT_HTTP)
    if not url.path:
        raise RefusedError(limits.NO_PATH)


def _split(target: bytes) -> tuple[bytes, bytes | None]:
    """Return path and query of a target that is a whole address, and its authority, which goes before any header."""
    if target == b"*":
        return target, None
    _check_address(target)
    _, _, behind = target.partition(b"://")
    authority, _, rest = behind.partition(b"/")
    if not _is_host(authority):
        raise RefusedError(limits.BAD_HOST)
    return b"/" + rest, authority
