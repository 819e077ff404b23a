"""Reads a hit on a short link out of a request."""

import ipaddress

from starlette.types import Scope

from clicktrail.shortener.v1.redirect_service_pb2 import Hit
from common.clock import now_timestamp
from common.ids import new_nonce

HEADER_LENGTH_LIMIT = 1_024

_PURPOSES = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})
_FORWARDED_FOR = b"x-forwarded-for"
# The headers that a hit tells as they are.
_FIELDS = {b"user-agent": "user_agent", b"referer": "referrer", b"accept-language": "accept_language"}


def hit_of(scope: Scope, code: str, lane: int, trusted_proxies: int) -> Hit:
    """Return the hit that a request is, with the time and the chance that every retry repeats.

    The nonce begins with the lane: hits of one flight have it in common.
    """
    # Only what is there is set: each field takes time.
    hit = Hit(
        code=code,
        address=client_address(scope, trusted_proxies),
        received_at=now_timestamp(),
        nonce=bytes((lane,)) + new_nonce()[1:],
    )
    if query := scope["query_string"]:
        hit.query = _text(query)
    if scope["method"] == "HEAD":
        hit.is_head = True
    purposes: list[str] = []
    for name, value in scope["headers"]:
        if field := _FIELDS.get(name):
            setattr(hit, field, _text(value))
        elif name == b"host":
            hit.host = host_of(_text(value))
        elif name in _PURPOSES:
            purposes.append(_text(value))
    if purposes:
        hit.purpose = ", ".join(purposes)[:HEADER_LENGTH_LIMIT]
    return hit


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


def _text(value: bytes) -> str:
    return value[:HEADER_LENGTH_LIMIT].decode("latin-1")
