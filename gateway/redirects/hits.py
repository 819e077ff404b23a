"""Reads a hit on a short link out of a request."""

from dataclasses import dataclass

from clicktrail.shortener.v1.redirect_service_pb2 import Hit
from common.clock import now_timestamp
from common.ids import new_nonce
from gateway.addresses import ClientAddresses
from gateway.http.asgi import RawHeaders
from gateway.http.exchange import text_of

HEADER_LENGTH_LIMIT = 1_024
CODE = r"[A-Za-z0-9_-]{1,64}"
"""What looks like a code, as a regular expression, down to what is left of one that was cut off."""

_PURPOSES = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})
# The headers that a hit tells as they are.
_FIELDS = {b"user-agent": "user_agent", b"referer": "referrer", b"accept-language": "accept_language"}


@dataclass(slots=True)
class HitRequest:
    """A request for a short link, as it came."""

    code: str
    query: bytes
    headers: RawHeaders
    peer: str
    """The address of whoever is at the other end of the connection."""
    is_head: bool


def hit_of(request: HitRequest, shard_byte: int, client_addresses: ClientAddresses) -> Hit:
    """Return the hit that a request is, with the time and the chance that every retry repeats.

    The nonce begins with the byte that chooses the shard: hits of one batch have it in common.
    """
    # Only what is there is set: each field takes time.
    hit = Hit(
        code=request.code,
        address=client_addresses.of(request.peer, request.headers),
        received_at=now_timestamp(),
        nonce=bytes((shard_byte,)) + new_nonce()[1:],
    )
    if request.query:
        hit.query = _text(request.query)
    if request.is_head:
        hit.is_head = True
    purposes: list[str] = []
    for name, value in request.headers:
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
    """Return the host name of a `Host` header: without the port and a final dot, in lower case."""
    name, _, port = header.rpartition(":")
    return (name if name and port.isdecimal() else header.rstrip(":")).rstrip(".").lower()


def _text(value: bytes) -> str:
    return text_of(value)[:HEADER_LENGTH_LIMIT]
