"""One connection of a client: hits and events are answered from the parser's own callbacks, all else goes on as ASGI.

A task, a scope and two messages a request cost more than all that a redirect is made of, so a hit has none of them,
and neither has an event that is as most are. What is neither is left to uvicorn's protocol, on which this one builds:
bodies, streams, and the order of requests that come before the answer to the one before.
"""

import asyncio
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from common.errors import ClicktrailError, FaultType
from gateway.app import Application, ShortLink
from gateway.exchange import Answer
from gateway.hits import HitRequest
from gateway.http_errors import RETRY_AFTER_SECONDS, RefusedError, refused
from gateway.posts import LARGEST_BYTES, Post, Posting
from gateway.redirect import Landed, Redirects
from gateway.sending import Reply, reply_of
from gateway.whole_answers import WholeAnswers

# Of a target, and of a head that does not end: no browser sends as much.
TARGET_BYTES = 32 * 1024
HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
# Longer than proxies keep a connection that waits, so that none of them sends a request into one that closes.
IDLE_SECONDS = 75.0
# How late either end may be noticed.
LOOK_SECONDS = 2.0

_CLOSE = b"connection: close\r\n"


def _refusal(error: RefusedError) -> Reply:
    problem = error.problem
    return reply_of(Answer(problem.status, problem.body(), problem.headers), {"cache-control": "no-store"})


_NOT_HTTP = _refusal(refused(400, FaultType.INVALID, "This is not a request of HTTP/1.1."))
_LONG_TARGET = _refusal(refused(414, FaultType.INVALID, "The address is too long."))
_LONG_HEAD = _refusal(refused(431, FaultType.TOO_LARGE, f"The headers have more than {HEAD_BYTES} bytes."))
_SLOW_HEAD = _refusal(refused(408, FaultType.INVALID, f"The headers took more than {HEAD_SECONDS:.0f} seconds."))
_CROWDED = _refusal(
    refused(
        503,
        FaultType.UNAVAILABLE,
        "There are too many connections at the moment; try again.",
        **{"retry-after": str(RETRY_AFTER_SECONDS)},
    )
)


class Visit:
    """A hit on its connection, from its head to its answer.

    It stands where uvicorn has a request's cycle, so that hits and other requests on one connection are answered in the
    order in which they came.
    """

    __slots__ = ("_connection", "_redirects", "_request", "disconnected", "keep_alive", "response_complete")

    def __init__(
        self, connection: "Connection", redirects: Redirects, request: HitRequest, *, keep_alive: bool
    ) -> None:
        self._connection = connection
        self._redirects = redirects
        self._request = request
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    def start(self) -> None:
        """Send the hit on its way."""
        try:
            landed = self._redirects.depart(self._request)
        except ClicktrailError as error:
            self._answer(self._redirects.fail(self._request, error))
        else:
            landed.add_done_callback(self._arrive)

    def _arrive(self, landed: Landed) -> None:
        # Also where nobody listens any more: an error that nobody looked at would be logged as lost.
        self._answer(self._redirects.arrive(self._request, landed))

    def _answer(self, reply: Reply) -> None:
        self.response_complete = True
        self._connection.send_reply(reply, keep_alive=self.keep_alive)


# What a connection answers without the application.
OWN = (Visit, Posting)


class Connection(HttpToolsProtocol):
    """A connection, with an end for heads that do not end and for clients that say nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(cast("asyncio.Transport", transport))
        application = cast("Application", self.app)
        self._gateway = application.gateway
        self._peer = self.client[0] if self.client else ""
        self._is_surplus = len(self.connections) > application.connections
        self._is_half_closed = False
        self._is_in_head = False
        self._head_bytes = 0
        self._posted: bytes | None = None
        """What is there of the body of an event that may be taken at once."""
        self._since: float | None = self.loop.time()
        """Since when it waits for a head, or for the end of one; None while a request is under way."""
        self._looking = self.loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave what is under way to itself: a hit that was taken is a click."""
        self._looking.cancel()
        if isinstance(self.cycle, OWN):
            self.cycle = None  # type: ignore[assignment]  # as before the first request
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks for an answer
        """Answer what is ours also where its client says nothing more; return whether it is still needed."""
        self._is_half_closed = isinstance(self.cycle, OWN) and not self.cycle.response_complete
        return self._is_half_closed

    def data_received(self, data: bytes) -> None:
        """Read on."""
        was_in_head = self._is_in_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # HTTP/2 or WebSocket was offered; it goes on as HTTP/1.1, as the standard allows.
            pass
        except httptools.HttpParserError:
            self._refuse(_NOT_HTTP)
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(_LONG_HEAD)

    def on_message_begin(self) -> None:
        """Wait for the end of a head. What uvicorn makes for a request is made once it is known to be no hit."""
        self.url = b""
        self.headers = []
        self._is_in_head = True
        self._head_bytes = 0
        if self._since is not None:
            self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take a request: a hit goes into its flight, anything else to the application."""
        self._is_in_head = False
        self._since = None
        if self.transport.is_closing():
            return
        if self._is_surplus:
            self._refuse(_CROWDED)
        elif len(self.url) > TARGET_BYTES:
            self._refuse(_LONG_TARGET)
        elif found := self._gateway.short_link_in(self.parser.get_method(), self.url):
            self._take_hit(found)
        elif self._gateway.posts.may_take(self.parser.get_method(), self.url, self.headers):
            self._posted = b""
        else:
            self._take_request()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body, but for one that comes with a hit: it says nothing."""
        if self._posted is not None:
            self._posted += body
            if len(self._posted) > LARGEST_BYTES:
                self._leave_post(self._posted)
        elif not isinstance(self.cycle, OWN) and not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Tell a request that its body is whole."""
        if self._posted is not None:
            self._take_post(self._posted)
        if not isinstance(self.cycle, OWN) and not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._is_half_closed:
            self.transport.close()
        elif self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._since = self.loop.time()
            if not self.flow.write_paused:
                self.flow.resume_reading()

    def pause_writing(self) -> None:
        """Read no more from a client that does not read its answers."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        super().resume_writing()
        if not self.pipeline:
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """End when what is under way is answered. Streams have no end of their own, and get one."""
        self._gateway.end_streams()
        if self._posted is not None:
            self._leave_post(self._posted)
        super().shutdown()

    def send_reply(self, reply: Reply, *, keep_alive: bool) -> None:
        """Send an answer that is ready; to nobody, where nobody is there any more."""
        if self.transport.is_closing():
            return
        lines = [STATUS_LINE[reply.status]]
        for name, value in self.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (reply.head, b"\r\n" if keep_alive else _CLOSE + b"\r\n", reply.body)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _take_hit(self, link: ShortLink) -> None:
        code, query, is_head = link
        request = HitRequest(code, query, self.headers, self._peer, is_head)
        visit: Any = Visit(self, self._gateway.redirects, request, keep_alive=self._keeps_alive)
        before, self.cycle = self.cycle, visit
        if before is None or before.response_complete:
            visit.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((visit, self.app))

    def _take_post(self, body: bytes) -> None:
        """Send an event on its way, unless it has to wait for another answer or is not as most are."""
        landed = None
        if self.cycle is None or self.cycle.response_complete:
            landed = self._gateway.posts.depart(Post(self.url, self.headers, body, self._peer))
        if landed is None:
            self._leave_post(body)
            return
        self._posted = None
        posting: Any = Posting(self, landed, keep_alive=self._keeps_alive)
        self.cycle = posting

    def _leave_post(self, body: bytes) -> None:
        """Leave an event to the application, with what is there of its body."""
        self._posted = None
        self._take_request()
        if body:
            super().on_body(body)

    @property
    def _keeps_alive(self) -> bool:
        return bool(self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0")

    def _take_request(self) -> None:
        """Go on as uvicorn does, with what it makes at the beginning of a request."""
        target, headers = self.url, self.headers
        super().on_message_begin()
        self.url = target
        self.headers += headers
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if isinstance(cycle, Visit):
            cycle.start()
            return

        def serve(scope: Any, receive: Any, send: Any) -> Any:
            finish = partial(self._finish, cycle)
            return app(scope, receive, WholeAnswers(send, finish, is_head=scope["method"] == "HEAD"))

        super()._start_asgi_task(cycle, serve)

    def _finish(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        """Send the whole answer to a request that is no hit; what is left of its body is not waited for."""
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        self.send_reply(reply, keep_alive=cycle.keep_alive)

    def _refuse(self, reply: Reply) -> None:
        self.send_reply(reply, keep_alive=False)

    def _look(self) -> None:
        """Hang up on a client that has not said anything for too long, or has not said all of it."""
        if self._posted is not None:
            # It takes its time, for which there is an end where the application reads.
            self._leave_post(self._posted)
        waited = 0.0 if self._since is None else self.loop.time() - self._since
        if self._is_in_head and waited > HEAD_SECONDS:
            self._refuse(_SLOW_HEAD)
        elif waited > IDLE_SECONDS:
            self.transport.close()
        else:
            self._looking = self.loop.call_later(LOOK_SECONDS, self._look)
