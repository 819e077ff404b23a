"""Takes in single events from the parser's callbacks, as hits are: by ASGI they cost the gateway nearly twice as much.

Only what is as most are, and can be sent on its way at once. All else goes on as ASGI, where the API says what is wrong
with it, or asks for what must be known first.
"""

import secrets
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass

from clicktrail.tracking.v1.event_pb2 import Receipt
from gateway.auth import Credentials
from gateway.events.events import Events
from gateway.events.fields import parse_event
from gateway.events.operations import FROM_PAGE, FROM_SERVER
from gateway.events.receipts import answer_of
from gateway.http import bodies
from gateway.http.asgi import RawHeaders
from gateway.http.errors import RefusedError, problem_of
from gateway.http.exchange import Answer
from gateway.http.fast_path import FastRequest, PendingResponse
from gateway.http.head import Head
from gateway.http.responses import Reply, reply_of
from gateway.http.router import headers_of
from gateway.json.text import MalformedJsonError

Landed = Future[Receipt]

# By whether they take private tokens alone.
_TARGETS = {FROM_PAGE.path.encode(): False, FROM_SERVER.path.encode(): True}
# Larger ones are held where there is room for them.
LARGEST_BYTES = 4 * 1024
_TYPES = bodies.EVENT_TYPES


@dataclass(slots=True)
class Post:
    """A POST as it comes."""

    target: bytes
    headers: list[tuple[bytes, bytes]]
    peer: str
    """The address of whoever is at the other end of the connection."""
    body: bytes = b""
    """What is there of it."""


class Posts:
    """Single events, from their request to their answer."""

    def __init__(self, events: Events, credentials: Credentials) -> None:
        self._events = events
        self._credentials = credentials

    def offer(self, head: Head, peer: str) -> FastRequest | None:
        """Return a request that brings a single event, if its client does not wait to be told to send it."""
        if head.method != b"POST" or head.target not in _TARGETS or head.expects_continue:
            return None
        return OfferedPost(self, head.target, head.headers, peer)

    def depart(self, post: Post) -> Landed | None:
        """Send an event on its way; None where it is not as most are."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in post.headers}
        if len(headers) < len(post.headers) or "content-encoding" in headers:
            return None
        account = self._credentials.remembered(headers.get("authorization", ""), headers.get("origin"))
        if account is None or headers.get("content-type", "") not in _TYPES:
            return None
        if _TARGETS[post.target] and not account.is_private:
            return None
        keys = [headers["idempotency-key"]] if "idempotency-key" in headers else []
        try:
            parsed = parse_event(bodies.members_of(post.body), keys)
        except (RefusedError, MalformedJsonError):
            return None
        return self._events.depart(account, parsed, post.peer, post.headers, headers.get("user-agent", ""))

    @staticmethod
    def arrive(landed: Landed) -> Reply:
        """Return the answer to an event whose flight has landed."""
        request_id = secrets.token_hex(8)
        try:
            answer = answer_of(landed.result())
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            problem = problem_of(error, request_id)
            answer = Answer(problem.status, problem.body(), problem.headers)
        return reply_of(answer, headers_of(request_id))


class OfferedPost:
    """A request that brings a single event, while it is read."""

    __slots__ = ("_headers", "_peer", "_posts", "_target")

    body_limit = LARGEST_BYTES

    def __init__(self, posts: Posts, target: bytes, headers: RawHeaders, peer: str) -> None:
        self._posts = posts
        self._target = target
        self._headers = headers
        self._peer = peer

    def whole(self, body: bytes) -> PendingResponse | None:
        """Send the event on its way, and return its response; None where it is not as most are."""
        landed = self._posts.depart(Post(self._target, self._headers, self._peer, body))
        return None if landed is None else PendingPost(landed)


class PendingPost:
    """An event on its way, until its answer."""

    __slots__ = ("_landed",)

    def __init__(self, landed: Landed) -> None:
        self._landed = landed

    def start(self, answer: Callable[[Reply], None]) -> None:
        """Wait for its flight to land."""
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        self._landed.add_done_callback(lambda landed: answer(Posts.arrive(landed)))
