"""Reads a hit on a short link out of a request."""

import ipaddress

from starlette.types import Scope

from clicktrail.shortener.v1.redirect_service_pb2 import Hit
from common.clock import now_timestamp
from common.ids import new_nonce

HEADER_LENGTH_LIMIT = 1_024

_PURPOSES = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})
_FORWARDED_FOR = b"x-forwarded-for"


def hit_of(scope: Scope, code: str, lane: int, trusted_proxies: int) -> Hit:
    """Return the hit that a request is, with the time and the chance that every retry repeats.

    The nonce begins with the lane: hits of one flight have it in common.
    """
    headers: dict[bytes, bytes] = {}
    purposes: list[str] = []
    for name, value in scope["headers"]:
        if name in _PURPOSES:
            purposes.append(value.decode("latin-1"))
        else:
            headers[name] = value
    return Hit(
        code=code,
        host=host_of(_text(headers, b"host")),
        query=scope["query_string"].decode("latin-1")[:HEADER_LENGTH_LIMIT],
        address=client_address(scope, trusted_proxies),
        user_agent=_text(headers, b"user-agent"),
        referrer=_text(headers, b"referer"),
        accept_language=_text(headers, b"accept-language"),
        purpose=", ".join(purposes)[:HEADER_LENGTH_LIMIT],
        is_head=scope["method"] == "HEAD",
        received_at=now_timestamp(),
        nonce=bytes([lane]) + new_nonce()[1:],
    )


def host_of(header: str) -> str:
    """Return the host name of a `Host` header: without the port, in lower case."""
    name, _, port = header.rpartition(":")
    return (name if name and port.isdecimal() else header.rstrip(":")).lower()


def client_address(scope: Scope, trusted_proxies: int) -> str:
    """Return the address of the client: the peer's, or what the outermost of our own proxies saw."""
    client = scope.get("client")
    peer: str = client[0] if client else ""
    if not trusted_proxies:
        return peer
    lines = (value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED_FOR)
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    if len(hops) < trusted_proxies:
        return peer
    try:
        return str(ipaddress.ip_address(hops[-trusted_proxies]))
    except ValueError:
        return peer


def _text(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")[:HEADER_LENGTH_LIMIT]
