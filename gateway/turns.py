"""What a connection answers by itself, each in its turn: a hit on a short link, an event, or what cannot be taken.

They stand where uvicorn has a request's cycle, so that whatever comes on one connection is answered in the order in
which it came.
"""

from typing import TYPE_CHECKING

from common.errors import ClicktrailError
from gateway import posts
from gateway.hits import HitRequest
from gateway.redirect import Landed, Redirects
from gateway.sending import Reply

if TYPE_CHECKING:
    from gateway.bounded_connection import BoundedConnection


class Visit:
    """A hit on its connection, from the end of its request to its answer."""

    __slots__ = ("_connection", "_redirects", "_request", "keep_alive", "response_complete")

    more_body = False

    def __init__(
        self, connection: "BoundedConnection", redirects: Redirects, request: HitRequest, *, keep_alive: bool
    ) -> None:
        self._connection = connection
        self._redirects = redirects
        self._request = request
        self.keep_alive = keep_alive
        self.response_complete = False

    def start(self) -> None:
        """Send the hit on its way."""
        try:
            landed = self._redirects.depart(self._request)
        except ClicktrailError as error:
            # Not at once: where many wait, each answer would begin inside the one before.
            self._connection.loop.call_soon(self._answer, self._redirects.fail(self._request, error))
        else:
            landed.add_done_callback(self._arrive)

    def _arrive(self, landed: Landed) -> None:
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        self._answer(self._redirects.arrive(self._request, landed))

    def _answer(self, reply: Reply) -> None:
        self.response_complete = True
        self._connection.send_reply(reply, keep_alive=self.keep_alive)


class Posting:
    """An event on its way, until its answer."""

    __slots__ = ("_connection", "_landed", "keep_alive", "response_complete")

    more_body = False

    def __init__(self, connection: "BoundedConnection", landed: posts.Landed, *, keep_alive: bool) -> None:
        self._connection = connection
        self._landed = landed
        self.keep_alive = keep_alive
        self.response_complete = False

    def start(self) -> None:
        """Wait for its flight to land."""
        self._landed.add_done_callback(self._arrive)

    def _arrive(self, landed: posts.Landed) -> None:
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        reply = posts.Posts.arrive(landed)
        self.response_complete = True
        self._connection.send_reply(reply, keep_alive=self.keep_alive)


class Refusal:
    """The last answer of a connection on which nothing more is read."""

    __slots__ = ("_connection", "_reply", "keep_alive", "response_complete")

    more_body = False

    def __init__(self, connection: "BoundedConnection", reply: Reply) -> None:
        self._connection = connection
        self._reply = reply
        self.keep_alive = False
        self.response_complete = False

    def start(self) -> None:
        """Send it."""
        self.response_complete = True
        self._connection.send_reply(self._reply, keep_alive=self.keep_alive)


TURNS = (Visit, Posting, Refusal)
