"""Lets pages of any origin call the API and read what it answers, errors too."""

from collections.abc import Mapping

# No cookies are involved: the credential stands in a header that the page sets itself.
ON_EVERY_ANSWER = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Retry-After, X-Request-Id",
}
ON_PREFLIGHTS = {
    **ON_EVERY_ANSWER,
    "access-control-allow-methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "access-control-max-age": "86400",
    "vary": "Access-Control-Request-Headers",
}
DEFAULT_HEADERS = "authorization, content-type, idempotency-key"


def preflight_headers(asked: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that allow what a preflight asks for: pages add headers of their own."""
    allowed = asked.get("access-control-request-headers", DEFAULT_HEADERS)
    return {**ON_PREFLIGHTS, "access-control-allow-headers": allowed}
