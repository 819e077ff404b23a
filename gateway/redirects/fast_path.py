"""Answers requests for short links without ASGI: a task, a scope and two messages cost more than a redirect does."""

import re
from asyncio import Future, get_running_loop
from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import unquote

import httptools

from clicktrail.shortener.v1.redirect_service_pb2 import Outcome
from common.errors import ClicktrailError
from gateway.http.head import Head
from gateway.http.responses import Reply
from gateway.http.turns import FastRequest, PendingResponse
from gateway.redirects.hits import CODE, HitRequest
from gateway.redirects.redirects import Redirects

_CODE = re.compile(f"/({CODE})")
# Nearly every request of all.
_PLAIN_TARGET = re.compile(rb"/(%b)(?:\?([^#]*))?" % CODE.encode())
_VERBS = {b"GET": False, b"HEAD": True}
"""What short links answer to, and whether without a body."""

ShortLink = tuple[str, bytes, bool]
"""A code, the query that came with it, and whether it is a HEAD."""


class ShortLinks:
    """The requests for short links; taken are the paths that look like a code and are others'."""

    def __init__(self, redirects: Redirects, taken: Collection[str]) -> None:
        self._redirects = redirects
        self._no_codes = frozenset(path.removeprefix("/") for path in taken)

    def offer(self, head: Head, peer: str) -> FastRequest | None:
        """Return the request, if it is for a short link."""
        found = self.short_link_in(head.method, head.target)
        if found is None:
            return None
        code, query, is_head = found
        return PendingHit(self._redirects, HitRequest(code, query, head.headers, peer, is_head))

    def short_link_in(self, method: bytes, target: bytes) -> ShortLink | None:
        """Return the short link that a request asks for; None where it asks for anything else."""
        is_head = _VERBS.get(method)
        if is_head is None:
            return None
        if found := _PLAIN_TARGET.fullmatch(target):
            code, query = found[1].decode("ascii"), found[2] or b""
        else:
            code, query = _unusual(target)
        return (code, query, is_head) if code and code not in self._no_codes else None


class PendingHit:
    """A hit, from its request to its answer."""

    __slots__ = ("_redirects", "_request")

    body_limit = 0

    def __init__(self, redirects: Redirects, request: HitRequest) -> None:
        self._redirects = redirects
        self._request = request

    def whole(self, _body: bytes) -> PendingResponse:
        """Return the hit itself: its body says nothing."""
        return self

    def start(self, answer: Callable[[Reply], None]) -> None:
        """Send the hit."""
        try:
            resolved = self._redirects.submit(self._request)
        except ClicktrailError as error:
            # Not at once: where many wait, each answer would begin inside the one before.
            get_running_loop().call_soon(answer, self._redirects.reply_to_failed(self._request, error))
        else:
            resolved.add_done_callback(partial(self._answer, answer))

    def _answer(self, answer: Callable[[Reply], None], resolved: Future[Outcome]) -> None:
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        answer(self._redirects.reply_to(self._request, resolved))


def _unusual(target: bytes) -> tuple[str, bytes]:
    """Return the code and the query of a target that is written in an unusual way: with escapes, or with a fragment."""
    try:
        url = httptools.parse_url(target)
        found = _CODE.fullmatch(unquote(url.path.decode("ascii"))) if url.path else None
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError):
        return "", b""
    return (found[1], url.query or b"") if found else ("", b"")
