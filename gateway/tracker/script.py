"""Serves the tracking script that shops put on their pages."""

import re
from hashlib import sha256
from pathlib import Path

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

_COMMENTS = re.compile(r"^ *//.*\n|^ +", re.MULTILINE)
# Texts in quotes stay as they are; around anything else that separates, spaces and line ends say nothing.
_SPACES = re.compile(r"('[^'\n]*'|`[^`]*`)|\s*([=(){}\[\],;:?<>&|!+*])\s*")


def served(source: str) -> str:
    """Return the script without whole lines of comments, and without spaces that say nothing.

    It takes more knowledge of the language to do this to any script: ours ends each statement with a semicolon, and
    keeps spaces, quotes and comments out of its regular expressions and the ends of its lines.
    """
    return _SPACES.sub(lambda found: found[1] or found[2], _COMMENTS.sub("", source))


def tracker_routes() -> Routes:
    """Return the route that serves the script."""
    body = served(Path(__file__).with_name("tracker.js").read_text("utf-8")).encode()
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = {"cache-control": f"public, max-age={KEPT_SECONDS}", "etag": etag}

    async def handle(exchange: Exchange) -> Answer:
        await exchange.body.discard()
        if etag in exchange.headers.get("if-none-match", ""):
            return Answer(304, headers=headers)
        return Answer(200, body, headers, CONTENT_TYPE)

    return [Route(OPERATION, handle)]
