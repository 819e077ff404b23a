"""Serves the tracking script that shops put on their pages, and its types."""

import gzip
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

from common.errors import field_fault, invalid
from gateway.http.exchange import Answer, Exchange
from gateway.http.operation import Access, Operation, Parameter, Response
from gateway.http.routes import Route, Routes

KEPT_SECONDS = 3_600
SCRIPT = Path(__file__).with_name("tracker.min.js")
TYPES = Path(__file__).with_name("clicktrail.d.ts")
ADAPTERS = Path(__file__).with_name("adapters")
# The platforms that have one: it writes the session where the platform's order will have it.
PLATFORMS = ("shopify", "tiendanube", "vtex", "woocommerce")

_KEPT = {"Cache-Control": "How long to keep it.", "ETag": "Which version it is."}
_SCRIPT_TYPE = "text/javascript"
_TEXT_TYPE = "text/plain"
_AT_HAND = Parameter("If-None-Match", {"type": "string"}, "The version at hand.", "header")
_FOR = Parameter(
    "for",
    {"type": "string", "enum": list(PLATFORMS)},
    "The shop's platform: its orders will have the visitor's session.",
)


def adapted_script(platform: str) -> Path:
    """Return the file of the script with a platform's adapter."""
    return ADAPTERS / f"{platform}.min.js"


def _operation(path: str, operation_id: str, summary: str, content_type: str, *parameters: Parameter) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=operation_id,
        summary=summary,
        tag="pages",
        access=Access.ANYONE,
        parameters=[*parameters, _AT_HAND],
        responses={
            200: Response("The file.", {content_type: {"type": "string"}}, _KEPT),
            304: Response("The version at hand is this one.", headers=_KEPT),
        },
        errors={400, 413, 422, 500} if parameters else {413, 500},
    )


# Lists of ad blockers name `tracker.js`; pages that have it go on.
_NEUTRAL = _operation("/v1/c.js", "getScript", "The tracking script for pages.", _SCRIPT_TYPE, _FOR)
_OLDER = _operation("/v1/tracker.js", "getTracker", "The tracking script, by its older name.", _SCRIPT_TYPE, _FOR)
_TYPES = _operation("/v1/clicktrail.d.ts", "getScriptTypes", "The script's types, for TypeScript.", _TEXT_TYPE)


class _File:
    """A file as it is served, packed once."""

    def __init__(self, body: bytes, content_type: str) -> None:
        self._body = body
        self._packed = gzip.compress(body, mtime=0)
        # Weak: it is the same version, packed or not.
        self._etag = f'W/"{sha256(body).hexdigest()[:16]}"'
        self._content_type = f"{content_type}; charset=utf-8"
        self._headers = {
            "cache-control": f"public, max-age={KEPT_SECONDS}",
            "etag": self._etag,
            "vary": "Accept-Encoding",
            # Pages that isolate themselves load no script without it.
            "cross-origin-resource-policy": "cross-origin",
        }

    def answer(self, exchange: Exchange) -> Answer:
        """Return the answer to who asks for it."""
        if exchange.has_at_hand(self._etag):
            return Answer(304, headers=self._headers)
        if _takes_gzip(exchange.headers):
            return Answer(200, self._packed, {**self._headers, "content-encoding": "gzip"}, self._content_type)
        return Answer(200, self._body, self._headers, self._content_type)


def script_routes() -> Routes:
    """Return the routes that serve the script, alone and with each platform's adapter, and its types."""
    scripts = {platform: _script(adapted_script(platform)) for platform in PLATFORMS}
    script = partial(_serve_script, {"": _script(SCRIPT), **scripts})
    types = partial(_serve, _File(TYPES.read_bytes(), _TEXT_TYPE))
    return [Route(_NEUTRAL, script), Route(_OLDER, script), Route(_TYPES, types)]


def _script(path: Path) -> _File:
    # Its first line tells of which source it is.
    return _File(path.read_bytes().partition(b"\n")[2], _SCRIPT_TYPE)


async def _serve(file: _File, exchange: Exchange) -> Answer:
    await exchange.body.discard()
    return file.answer(exchange)


async def _serve_script(scripts: Mapping[str, _File], exchange: Exchange) -> Answer:
    return await _serve(scripts[_platform_of(exchange)], exchange)


def _platform_of(exchange: Exchange) -> str:
    """Return the platform whose adapter is asked for; "" for none. Raises the fault of any other."""
    named = {value.lower() for name, value in exchange.query() if name == "for" and value} or {""}
    if len(named) > 1 or not named <= {"", *PLATFORMS}:
        raise invalid([field_fault("for", f"takes one of {', '.join(PLATFORMS)}, or is left out.")])
    return named.pop()


def _takes_gzip(headers: Mapping[str, str]) -> bool:
    """Tell whether a client named gzip among what it unpacks, and did not exclude it."""
    for coding in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
