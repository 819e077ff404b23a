"""Answers single events from the parser's callbacks, as hits are: by ASGI they cost the gateway nearly twice as much.

Only those whose credential was judged a moment ago, and that need nothing but to be sent. All others go on by ASGI,
where they are read in the same way, and told what is wrong with them.
"""

import secrets
from asyncio import Future
from collections.abc import Callable

from clicktrail.tracking.v1.event_pb2 import Receipt
from gateway.events.events import Events
from gateway.events.operations import FROM_PAGE, FROM_SERVER
from gateway.events.receipts import answer_of
from gateway.http.errors import problem_of
from gateway.http.exchange import Answer
from gateway.http.head import Head
from gateway.http.responses import Reply, reply_of
from gateway.http.routes import api_headers
from gateway.http.turns import FastRequest, PendingResponse

# By whether they take private tokens alone.
_TARGETS = {FROM_PAGE.path.encode(): False, FROM_SERVER.path.encode(): True}
# Larger ones are held where there is room for them.
LARGEST_BYTES = 4 * 1024


class SingleEvents:
    """The requests that bring one event."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def offer(self, head: Head, peer: str) -> FastRequest | None:
        """Return the request, if its client does not wait to be told to send the event."""
        if head.method != b"POST" or head.expects_continue:
            return None
        needs_private = _TARGETS.get(head.target)
        return None if needs_private is None else SingleEvent(self._events, head, peer, needs_private=needs_private)


class SingleEvent:
    """A request that brings one event, while it is read."""

    __slots__ = ("_events", "_head", "_needs_private", "_peer")

    body_limit = LARGEST_BYTES

    def __init__(self, events: Events, head: Head, peer: str, *, needs_private: bool) -> None:
        self._events = events
        self._head = head
        self._peer = peer
        self._needs_private = needs_private

    def whole(self, body: bytes) -> PendingResponse | None:
        """Send the event, and return its response; None where there is more to do for it, or something wrong."""
        receipt = self._events.try_submit(self._head.headers, self._peer, body, needs_private=self._needs_private)
        return None if receipt is None else PendingEvent(receipt)


class PendingEvent:
    """An event that was sent, until its answer."""

    __slots__ = ("_receipt",)

    def __init__(self, receipt: Future[Receipt]) -> None:
        self._receipt = receipt

    def start(self, answer: Callable[[Reply], None]) -> None:
        """Wait for its receipt."""
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        self._receipt.add_done_callback(lambda receipt: answer(_reply_to(receipt)))


def _reply_to(receipt: Future[Receipt]) -> Reply:
    request_id = secrets.token_hex(8)
    try:
        answer = answer_of(receipt.result())
    except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
        problem = problem_of(error, request_id)
        answer = Answer(problem.status, problem.body(), problem.headers)
    return reply_of(answer, api_headers(request_id))
