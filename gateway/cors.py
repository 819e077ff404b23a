"""Lets pages of any origin call the API and read what it answers, errors too."""

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]

# No cookies are involved: the credential stands in a header that the page sets itself.
ON_EVERY_ANSWER: RawHeaders = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Retry-After, X-Request-Id"),
]

ON_PREFLIGHTS: RawHeaders = [
    *ON_EVERY_ANSWER,
    (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE, OPTIONS"),
    (b"access-control-max-age", b"86400"),
    (b"vary", b"Access-Control-Request-Headers"),
]

DEFAULT_HEADERS = b"authorization, content-type, idempotency-key"


def preflight_headers(scope: Scope) -> RawHeaders:
    """Return the headers that allow what a preflight asks for: pages add headers of their own."""
    asked = (value for name, value in scope["headers"] if name == b"access-control-request-headers")
    return [*ON_PREFLIGHTS, (b"access-control-allow-headers", next(asked, DEFAULT_HEADERS))]
