"""Answers requests for short links without ASGI: a task, a scope and two messages cost more than a redirect does."""

import re
from asyncio import Future, get_running_loop
from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import unquote

from clicktrail.shortener.v1.redirect_service_pb2 import OUTCOME_KIND_NOT_FOUND, Outcome
from common.errors import ClicktrailError
from gateway.http.head import Head
from gateway.http.responses import Reply
from gateway.http.turns import FastRequest, PendingResponse
from gateway.redirects.hits import CODE, HitRequest
from gateway.redirects.qr_codes import TYPES
from gateway.redirects.redirects import Redirects

# A code and what a message, a mail program or a second slash has stuck to it: nothing that a code can have.
# What begins with a dot is a hidden file, such as `/.env`, and with a percent sign was escaped twice: no link.
_CODE_IN_PATH = re.compile(rf"/[^A-Za-z0-9_.%-]*({CODE})((?![A-Za-z0-9_-]).*)?", re.DOTALL)
# What a code can have, but also a message that writes in italics or goes on with a dash: `_https://…/abc_`. The code
# with it is asked for first, the one without it where there is none.
_MARKS = "_-"
# What asks for something else about a link.
_ENDS = frozenset({"+", *(f".{kind}" for kind in TYPES)})
# Nearly every request of all.
_PLAIN_TARGET = re.compile(rb"/(%b)(?:\?([^#]*))?" % CODE.encode())
_VERBS = {b"GET": False, b"HEAD": True}
"""What short links answer to, and whether without a body."""

ShortLink = tuple[str, bytes, bool]
"""A code, the query that came with it, and whether it is a HEAD."""


class ShortLinks:
    """The requests for short links; taken are the paths that are others', and whatever lies below them."""

    def __init__(self, redirects: Redirects, taken: Collection[str]) -> None:
        self._redirects = redirects
        self._no_codes = frozenset(_first_segment(path) for path in taken)

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
            code, query = self._unusual(target)
        return (code, query, is_head) if code and code not in self._no_codes else None

    def _unusual(self, target: bytes) -> tuple[str, bytes]:
        """Return the code and the query of a target with escapes, a fragment, or something stuck to its code."""
        raw_path, _, query = target.partition(b"#")[0].partition(b"?")
        path = unquote(raw_path.decode("latin-1"))
        found = _CODE_IN_PATH.fullmatch(path)
        if found is None or found[2] in _ENDS or _first_segment(path) in self._no_codes:
            return "", b""
        return found[1], query


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
        request = self._request
        if request.code[-1] in _MARKS and _is_unknown(resolved) and (bare := request.code.rstrip(_MARKS)):
            request.code = bare
            self.start(answer)
            return
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        answer(self._redirects.reply_to(request, resolved))


def _is_unknown(resolved: Future[Outcome]) -> bool:
    return resolved.exception() is None and resolved.result().kind == OUTCOME_KIND_NOT_FOUND


def _first_segment(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]
