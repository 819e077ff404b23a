"""Serves the tracking script that shops put on their pages."""

from hashlib import sha256
from pathlib import Path

import rjsmin

from gateway.http.exchange import Answer, Exchange
from gateway.http.operation import Access, Operation, Parameter, Response
from gateway.http.routes import Route, Routes

KEPT_SECONDS = 3_600
CONTENT_TYPE = "text/javascript; charset=utf-8"

_KEPT = {"Cache-Control": "How long to keep it.", "ETag": "Which version it is."}
OPERATION = Operation(
    method="GET",
    path="/v1/tracker.js",
    id="getTracker",
    summary="The tracking script for pages.",
    tag="pages",
    access=Access.ANYONE,
    parameters=[Parameter("If-None-Match", {"type": "string"}, "The version at hand.", "header")],
    responses={
        200: Response("The script.", {"text/javascript": {"type": "string"}}, _KEPT),
        304: Response("The version at hand is this one.", headers=_KEPT),
    },
    errors={413, 500},
)


def tracker_routes() -> Routes:
    """Return the route that serves the script."""
    body = rjsmin.jsmin(Path(__file__).with_name("tracker.js").read_text("utf-8")).encode()
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = {"cache-control": f"public, max-age={KEPT_SECONDS}", "etag": etag}

    async def handle(exchange: Exchange) -> Answer:
        await exchange.body.discard()
        if exchange.has_at_hand(etag):
            return Answer(304, headers=headers)
        return Answer(200, body, headers, CONTENT_TYPE)

    return [Route(OPERATION, handle)]
