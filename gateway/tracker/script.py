"""Serves the tracking script that shops put on their pages, and its types."""

import gzip
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from gateway.http.exchange import Answer, Exchange
from gateway.http.operation import Access, Operation, Parameter, Response
from gateway.http.routes import Handler, Route, Routes

KEPT_SECONDS = 3_600
SCRIPT = Path(__file__).with_name("tracker.min.js")
TYPES = Path(__file__).with_name("clicktrail.d.ts")

_KEPT = {"Cache-Control": "How long to keep it.", "ETag": "Which version it is."}
_SCRIPT_TYPE = "text/javascript"
_TEXT_TYPE = "text/plain"


def _operation(path: str, operation_id: str, summary: str, content_type: str) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=operation_id,
        summary=summary,
        tag="pages",
        access=Access.ANYONE,
        parameters=[Parameter("If-None-Match", {"type": "string"}, "The version at hand.", "header")],
        responses={
            200: Response("The file.", {content_type: {"type": "string"}}, _KEPT),
            304: Response("The version at hand is this one.", headers=_KEPT),
        },
        errors={413, 500},
    )


# Lists of ad blockers name `tracker.js`; pages that have it go on.
_NEUTRAL = _operation("/v1/c.js", "getScript", "The tracking script for pages.", _SCRIPT_TYPE)
_OLDER = _operation("/v1/tracker.js", "getTracker", "The tracking script, by its older name.", _SCRIPT_TYPE)
_TYPES = _operation("/v1/clicktrail.d.ts", "getScriptTypes", "The script's types, for TypeScript.", _TEXT_TYPE)


def script_routes() -> Routes:
    """Return the routes that serve the script and its types."""
    # Its first line tells of which source it is.
    served = SCRIPT.read_bytes().partition(b"\n")[2]
    script = _handler(served, f"{_SCRIPT_TYPE}; charset=utf-8")
    types = _handler(TYPES.read_bytes(), f"{_TEXT_TYPE}; charset=utf-8")
    return [Route(_NEUTRAL, script), Route(_OLDER, script), Route(_TYPES, types)]


def _handler(body: bytes, content_type: str) -> Handler:
    packed = gzip.compress(body, mtime=0)
    # Weak: it is the same version, packed or not.
    etag = f'W/"{sha256(body).hexdigest()[:16]}"'
    headers = {
        "cache-control": f"public, max-age={KEPT_SECONDS}",
        "etag": etag,
        "vary": "Accept-Encoding",
        # Pages that isolate themselves load no script without it.
        "cross-origin-resource-policy": "cross-origin",
    }

    async def handle(exchange: Exchange) -> Answer:
        await exchange.body.discard()
        if exchange.has_at_hand(etag):
            return Answer(304, headers=headers)
        if _takes_gzip(exchange.headers):
            return Answer(200, packed, {**headers, "content-encoding": "gzip"}, content_type)
        return Answer(200, body, headers, content_type)

    return handle


def _takes_gzip(headers: Mapping[str, str]) -> bool:
    """Tell whether a client named gzip among what it unpacks, and did not exclude it."""
    for coding in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
