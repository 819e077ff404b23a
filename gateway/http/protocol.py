"""One connection of a client as uvicorn has it, with bounds to what a client can make us keep, do, or wait for.

What is refused is answered in the form of the API, in its turn: no answer that was due before it is lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.http import limits
from gateway.http.errors import Problem, RefusedError
from gateway.http.responses import RawHeaders, Reply

# Longer than proxies keep a connection that waits, so that none of them sends a request into one that closes.
IDLE_SECONDS = 75.0
# For clients that read an answer only when they have sent all that they wanted to.
LINGER_SECONDS = 4.0
# How late the end of either may be noticed.
LOOK_SECONDS = 2.0

_CLOSE = b"connection: close\r\n"


class PendingResponse(Protocol):
    """A response of a fast path, from the end of its request on."""

    def start(self, answer: Callable[[Reply], None]) -> None:
        """Do what is to be done for it, and call `answer` later, whatever becomes of that; never at once."""


class FastRequest(Protocol):
    """A request of a fast path, while it is read."""

    @property
    def body_limit(self) -> int:
        """How much of a body is kept for it; one with more is the application's. 0: its body says nothing."""

    def whole(self, body: bytes) -> PendingResponse | None:
        """Return its response, now that it is whole; None: it is the application's. Always one where the limit is 0."""


class FastPath(Protocol):
    """Knows requests that are answered without ASGI: a task, a scope and two messages cost more than these do."""

    def offer(self, method: bytes, target: bytes, headers: RawHeaders, peer: str) -> FastRequest | None:
        """Return a request with this head if it is one of them; peer is the address of who is at the other end."""


class Served(Protocol):
    """What connections serve: an ASGI application, and what is answered without it."""

    connections: int
    """How many connections there may be; those beyond are told to come again."""

    @property
    def fast_paths(self) -> Sequence[FastPath]:
        """The fast paths, the first that takes a request before the others."""

    def end(self) -> None:
        """End answers that have no end of their own."""


class PipelinedResponse:
    """A response of a fast path in its turn."""

    __slots__ = ("_connection", "_pending", "keep_alive", "response_complete")

    more_body = False

    def __init__(self, connection: "BoundedConnection", pending: PendingResponse, *, keep_alive: bool) -> None:
        self._connection = connection
        self._pending = pending
        self.keep_alive = keep_alive
        self.response_complete = False

    def start(self) -> None:
        """Begin it."""
        self._pending.start(self._answer)

    def _answer(self, reply: Reply) -> None:
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


TURNS = (PipelinedResponse, Refusal)


class BoundedConnection(HttpToolsProtocol):
    """A connection, with an end for requests that do not end and for clients that say nothing.

    In `cycle` uvicorn keeps the last request, in `pipeline` those that wait for the answer to the one before.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.application = cast("Served", self.app)
        self._is_surplus = len(self.connections) > self.application.connections
        self._is_half_closed = False
        self._is_deaf = False
        """Whether nothing is read any more, because something could not be."""
        self._asgi_cycle: RequestResponseCycle | None = None
        """The last request that ASGI has begun to answer."""
        self._is_in_head = False
        """Whether a head is being read, or what else no memory is for: trailers, and what comes with a hit."""
        self._head_bytes = 0
        self._since = self.loop.time()
        """Since when it waits for its client, where it does."""
        self._looking = self.loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave what is under way to itself: a hit that was taken is a click."""
        self._looking.cancel()
        # That one is told that nobody listens any more, whatever came after it.
        self.cycle = cast("RequestResponseCycle", self._asgi_cycle)
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks for an answer
        """Answer what is under way also where its client says nothing more; return whether there is such.

        Who goes in the middle of an answer does not want the rest: nothing else ends a stream.
        """
        if not self.is_idle and self.cycle.more_body:
            self._refuse(limits.CUT_SHORT)
        answering = self._asgi_cycle
        is_unwanted = answering is not None and answering.response_started and not answering.response_complete
        self._is_half_closed = not self.is_idle and not is_unwanted
        return self._is_half_closed

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_deaf:
            return
        self._head_bytes += len(data)
        while data:
            data = self._feed(data)
        if self._is_in_head and self._head_bytes > limits.HEAD_BYTES:
            self._refuse(limits.LONG_HEAD)

    def on_message_begin(self) -> None:
        """Wait for the end of a head. What uvicorn makes for a request is made once it is known to be one."""
        self.url = b""
        self.headers = []
        self._is_in_head = True
        self._head_bytes = 0
        self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take a request. Raises the refusal of what is too much."""
        if self.parser.should_upgrade():
            # It comes again, without its offer; a tunnel would come again for ever.
            if self.parser.get_method() == b"CONNECT":
                raise RefusedError(limits.NOT_HTTP)
            return
        if self.transport.is_closing():
            return
        if self._is_surplus:
            raise RefusedError(limits.CROWDED)
        if len(self.pipeline) >= limits.WAITING_LIMIT:
            raise RefusedError(limits.HURRIED)
        if len(self.url) > limits.TARGET_BYTES:
            raise RefusedError(limits.LONG_TARGET)
        self.take_head()
        # Trailers are no headers.
        self.headers = []

    def take_head(self) -> None:
        """Take a request whose body is still to come. Raises the refusal of one that cannot be taken."""
        self.leave_to_application()

    def on_chunk_header(self) -> None:
        """Wait for a piece of a body, or for trailers."""
        self._is_in_head = True
        self._head_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body."""
        self._is_in_head = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Tell a request that its body is whole."""
        self._is_in_head = False
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for one."""
        self.server_state.total_requests += 1
        self._since = self.loop.time()
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._is_half_closed:
            self.transport.close()
        elif not self.flow.write_paused:
            self.flow.resume_reading()

    def pause_writing(self) -> None:
        """Read no more from a client that does not read its answers."""
        super().pause_writing()
        self.flow.pause_reading()
        self._since = self.loop.time()

    def resume_writing(self) -> None:
        """Read on."""
        super().resume_writing()
        self._since = self.loop.time()
        if not self.pipeline:
            self.flow.resume_reading()

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
            self._hang_up()
        self.on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection stays for further requests behind the one that is being read."""
        return bool(self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0")

    def take_turn(self, turn: Any) -> None:
        """Let what we answer ourselves begin, or wait for the answer to the request before."""
        before, self.cycle = self.cycle, turn
        if before is None or before.response_complete:
            turn.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((turn, self.app))

    def leave_to_application(self) -> None:
        """Go on as uvicorn does, with what it makes at the beginning of a request."""
        target, headers = self.url, self.headers
        if not target.startswith(b"/") and not httptools.parse_url(target).path:
            raise RefusedError(limits.NO_PATH)
        self._is_in_head = False
        super().on_message_begin()
        self.url = target
        self.headers += headers
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        super().on_headers_complete()

    def _feed(self, data: bytes) -> bytes:
        """Let the parser read; return what it is still to read."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._head_without_offer() + data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            self._refuse(limits.problem_behind(error.__context__))
        except httptools.HttpParserError:
            self._refuse(limits.NOT_HTTP)
        return b""

    def _head_without_offer(self) -> bytes:
        """Return a head that offered HTTP/2 or WebSocket as one that does not: it goes on as HTTP/1.1.

        The parser takes all that comes after such an offer for the other protocol, the body too.
        """
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += (b"%b: %b" % header for header in self.headers if header[0] != b"upgrade")
        return b"\r\n".join((*lines, b"", b""))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if isinstance(cycle, TURNS):
            cycle.start()
        else:
            self._asgi_cycle = cycle
            super()._start_asgi_task(cycle, app)

    def _refuse(self, problem: Problem) -> None:
        """Answer in its turn what cannot be taken, and read no more."""
        self._is_deaf = True
        self._is_in_head = False
        if not self.is_idle and self.cycle.more_body:
            self._give_up(self.cycle)
        self.take_turn(Refusal(self, limits.reply_to(problem)))

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """Make place for the refusal of a request whose body cannot be read: the last one."""
        cycle.disconnected = True
        cycle.message_event.set()
        if self.pipeline:
            self.pipeline.popleft()
        elif cycle.response_started:
            self.transport.close()
        else:
            cycle.response_complete = True

    def _hang_up(self) -> None:
        """Close after the last answer; where its client may still be sending, only once it has that answer.

        What comes to a closed socket would make the client's system throw the answer away.
        """
        if self._is_deaf:
            self.transport.write_eof()
        else:
            self.transport.close()

    def _look(self) -> None:
        """Hang up on a client that has not said anything for too long, or not all of it, or does not read."""
        self._looking = self.loop.call_later(LOOK_SECONDS, self._look)
        if not self.is_idle and not self.flow.write_paused:
            return
        waited = self.loop.time() - self._since
        if waited > (LINGER_SECONDS if self._is_deaf else IDLE_SECONDS):
            self.transport.abort()
        elif waited > limits.HEAD_SECONDS and self._is_in_head and not self.flow.read_paused:
            self._refuse(limits.SLOW_HEAD)
