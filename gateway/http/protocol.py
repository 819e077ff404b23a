"""HTTP/1.1 as clients speak it to us: requests that come in one after the other, or before the answers to others.

The server hands every connection to a `Connection`, by uvicorn's public `http=`. It reads requests with httptools, lets
a fast path or the application answer each, and bounds what a client can make us keep, do or wait for. What is refused
is answered in the form of the API, in its turn: no answer that was due before it is lost, and nothing behind it is
read.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, cast
from urllib.parse import quote

import httptools
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.http import limits
from gateway.http.admission import Connections
from gateway.http.asgi import RawHeaders, Receive, Scope, Send
from gateway.http.errors import Problem, RefusedError
from gateway.http.head import JUDGED, Head, read_head
from gateway.http.limits import HEAD_BYTES
from gateway.http.responses import Reply, header_lines, status_line
from gateway.http.turns import AsgiTurn, FastPaths, FastRequest, FastTurn, Refusal, Turn, scope_of

# Longer than proxies keep a connection that waits, so that none of them sends a request into one that closes.
IDLE_SECONDS = 75.0
# For clients that read an answer only when they have sent all that they wanted to.
LINGER_SECONDS = 4.0
# How late the end of either may be noticed.
LOOK_SECONDS = 2.0
# At the end, for requests that are already on their way.
LAST_SECONDS = 0.1

_CLOSE = b"connection: close\r\n"
_END_AND_CLOSE = _CLOSE + b"\r\n"

_ASCII = bytes(range(0x80))


class Served(Protocol):
    """What connections serve: an ASGI application, and what is answered without it."""

    connections: Connections
    """The connections that there are; those beyond what there may be are told to come again."""

    @property
    def fast_paths(self) -> FastPaths:
        """What is answered without ASGI."""

    def end(self) -> None:
        """End answers that have no end of their own."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request that no fast path takes."""


class Connection(asyncio.Protocol):
    """One connection of a client: the request that is being read, and the responses that are due."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._served = cast("Served", config.loaded_app)
        self._fast_paths = self._served.fast_paths
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        # What comes behind the last request of a connection is left, not refused.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

        self._target = b""
        self._headers: RawHeaders = []
        self._judged: RawHeaders = []
        self._is_in_head = False
        """Whether a head is being read, or what else no memory is for: trailers, and what comes with a hit."""
        self._head_bytes = 0
        """At least as many as that head has, and at most one piece more."""
        self._fast: tuple[FastRequest, Head] | None = None
        """The request that is being read, where it is one of a fast path."""
        self._body = b""
        """What is kept of its body."""
        self._reading: AsgiTurn | None = None
        """The request that is being read, where it is the application's."""
        self._piece_bytes = 0
        self._default_headers: RawHeaders = []
        self._default_lines = b""

        self._turns: deque[Turn] = deque()
        """The responses that are due, the first of them under way."""
        self._is_last = False
        """Whether no request is taken any more behind those that are due."""
        self._is_deaf = False
        """Whether nothing is read any more, because something was refused."""
        self._is_half_closed = False
        """Whether the client has said that nothing more comes."""
        self._is_ending = False
        """Whether the server stops."""
        self._is_reading_paused = False
        self._may_write = asyncio.Event()
        self._may_write.set()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self.transport = cast("asyncio.Transport", transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # the server asks for `shutdown` alone
        self._client = transport.get_extra_info("peername")
        self._peer: str = self._client[0] if self._client else ""
        self._is_surplus = not self._served.connections.enter(self._peer)
        self._since = self._loop.time()
        """Since when it waits for its client, where it does."""
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave what is under way to itself; what waits behind it is left out."""
        del exc
        self._server_state.connections.discard(self)
        self._served.connections.leave(self._peer)
        self._looking.cancel()
        for turn in self._turns:
            turn.leave()
        self._turns.clear()
        self._may_write.set()
        # It holds this connection.
        del self._parser

    def data_received(self, data: bytes) -> None:
        """Read on, in pieces that are no longer than a head may be."""
        for at in range(0, len(data), HEAD_BYTES):
            piece = data[at : at + HEAD_BYTES]
            if not piece.isascii() and not self._headers and not self._is_body_awaited:
                piece = _with_ascii_line(piece)
            while piece and not self._is_deaf:
                piece = self._feed(piece)

    def eof_received(self) -> bool:
        """Answer what is under way also where its client says nothing more; return whether there is such.

        Who goes in the middle of an answer does not want the rest: nothing else ends a stream.
        """
        if self._is_body_awaited:
            self._refuse(limits.CUT_SHORT)
        self._is_half_closed = bool(self._turns) and not self._turns[0].is_begun
        return self._is_half_closed

    def pause_writing(self) -> None:
        """Read no more from a client that does not read its answers."""
        self._may_write.clear()
        self._since = self._loop.time()
        self._regulate()

    def resume_writing(self) -> None:
        """Read on."""
        self._may_write.set()
        self._since = self._loop.time()
        self._regulate()

    def shutdown(self) -> None:
        """End when what is under way is answered. Streams have no end of their own, and get one."""
        self._served.end()
        self._is_ending = True
        self._leave_fast_path()
        if self._turns:
            self._turns[-1].keep_alive = False
            self._is_last = True
        # A request that is already here would be lost with the connection.
        self._loop.call_later(LAST_SECONDS, self._close_if_idle)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Wait for the end of a head."""
        if self._is_last:
            self._is_deaf = True
            raise RefusedError(limits.CUT_SHORT)
        self._target = b""
        self._headers = []
        self._judged = []
        self._is_in_head = True
        self._head_bytes = self._piece_bytes
        self._since = self._loop.time()

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, of a head or of trailers. Raises the refusal of one more than there may be."""
        name = name.lower()
        if name in JUDGED:
            self._judged.append((name, value))
        self._headers.append((name, value))
        # At once: a piece may have thousands of them.
        if len(self._headers) > limits.HEAD_LINES:
            raise RefusedError(self._too_long)

    def on_headers_complete(self) -> None:
        """Take a request. Raises the refusal of one that cannot be taken."""
        if self._head_bytes > HEAD_BYTES:
            self._measure_head()
        parser = self._parser
        if parser.should_upgrade():
            # It comes again, without its offer; a tunnel would come again for ever.
            if parser.get_method() == b"CONNECT":
                raise RefusedError(limits.NOT_HTTP)
            return
        if self._is_surplus:
            raise RefusedError(limits.CROWDED)
        if len(self._turns) > limits.WAITING_LIMIT:
            raise RefusedError(limits.HURRIED)
        head = read_head(parser.get_method(), self._target, parser.get_http_version(), self._headers, self._judged)
        # Trailers are no headers.
        self._headers, self._judged = [], []
        # A request whose body is still to come: it is that of the fast path that knows it, or the application's.
        for path in self._fast_paths:
            request = path.offer(head, self._peer)
            if request is not None:
                self._fast = request, head
                self._is_in_head = request.body_limit == 0
                return
        self._give_to_application(head)

    def on_chunk_header(self) -> None:
        """Wait for a piece of a body, or for trailers."""
        self._is_in_head = True
        self._head_bytes = self._piece_bytes

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body, but for one that says nothing."""
        if self._fast is None:
            self._is_in_head = False
            if self._reading is not None:
                self._reading.take_body(body)
                if self._reading.is_full:
                    self._regulate()
        elif limit := self._fast[0].body_limit:
            self._is_in_head = False
            self._body += body
            if len(self._body) > limit:
                self._leave_fast_path()

    def on_message_complete(self) -> None:
        """Let a request of a fast path be answered, now that it is whole; tell the application's that it is."""
        self._is_in_head = False
        if self._parser.should_upgrade():
            return
        if self._fast is not None and not self._take_fast(*self._fast):
            self._leave_fast_path()
        if self._reading is not None:
            self._reading.end_body()
            self._reading = None

    # What responses tell.

    def send_reply(self, reply: Reply, *, keep_alive: bool) -> None:
        """Send the whole response whose turn it is; to nobody, where nobody is there any more."""
        if self.transport.is_closing():
            return
        end = b"\r\n" if keep_alive else _END_AND_CLOSE
        self.transport.write(b"".join((self._lines_before(reply.status), reply.head, end, reply.body)))
        self.end_turn(keep_alive=keep_alive)

    def send_head(self, status: int, lines: bytes, *, keep_alive: bool) -> None:
        """Send the head of the response whose turn it is."""
        self.send(b"%b%b%b\r\n" % (self._lines_before(status), lines, b"" if keep_alive else _CLOSE))

    def send(self, data: bytes) -> None:
        """Send a part of the response whose turn it is."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def end_turn(self, *, keep_alive: bool) -> None:
        """Begin the next response: the one whose turn it was is sent."""
        self._since = self._loop.time()
        if self.transport.is_closing():
            return
        self._turns.popleft()
        if not keep_alive:
            self._hang_up()
        elif self._turns:
            self._turns[0].start()
        elif self._is_half_closed:
            self.transport.close()
        if self._is_reading_paused:
            self._regulate()

    def abort(self) -> None:
        """Break off: nobody shall take for whole what was sent."""
        self.transport.abort()

    def received(self) -> None:
        """Read on, if it was room for a body that was waited for."""
        self._regulate()

    async def drained(self) -> None:
        """Wait until the client has read enough of what was sent."""
        await self._may_write.wait()

    def run(self, task: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, which the server waits for at its end."""
        tasks = self._server_state.tasks
        running = self._loop.create_task(task)
        running.add_done_callback(tasks.discard)
        tasks.add(running)

    # Reading.

    def _feed(self, data: bytes) -> bytes:
        """Let the parser read; return what it is still to read."""
        self._piece_bytes = len(data)
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._head_without_offer() + data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            self._refuse(limits.problem_behind(error.__context__))
        except httptools.HttpParserError:
            self._refuse(limits.NOT_HTTP)
        if self._is_in_head:
            self._bound_head()
        return b""

    def _bound_head(self) -> None:
        """Refuse a head that may have begun anywhere in a piece, and that has gone on for longer than a head may be."""
        if self._head_bytes > 2 * HEAD_BYTES:
            self._refuse(self._too_long)

    def _measure_head(self) -> None:
        size = len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._headers)
        if size > HEAD_BYTES:
            raise RefusedError(self._too_long)

    @property
    def _too_long(self) -> Problem:
        return limits.LONG_TARGET if len(self._target) > HEAD_BYTES else limits.LONG_HEAD

    def _head_without_offer(self) -> bytes:
        """Return a head that offered HTTP/2 or WebSocket as one that does not: it goes on as HTTP/1.1.

        The parser takes all that comes after such an offer for the other protocol, the body too.
        """
        version = self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._target, version)]
        lines += (b"%b: %b" % header for header in self._headers if header[0] != b"upgrade")
        return b"\r\n".join((*lines, b"", b""))

    def _give_to_application(self, head: Head) -> None:
        self._is_in_head = False
        scope = scope_of(head, self.transport.get_extra_info("sockname"), self._client, self._app_state)
        self._reading = AsgiTurn(self, self._served, scope, head, keep_alive=self._keeps_alive(head))
        self._add(self._reading)

    def _take_fast(self, request: FastRequest, head: Head) -> bool:
        """Take a request of a fast path, now that it is whole; tell whether it is one."""
        # What may turn out to be the application's waits for no answer before it: that goes by the application.
        pending = request.whole(self._body) if not self._turns or not request.body_limit else None
        if pending is None:
            return False
        self._fast, self._body = None, b""
        self._add(FastTurn(self, pending, keep_alive=self._keeps_alive(head)))
        return True

    def _leave_fast_path(self) -> None:
        """Leave a request that is being read to the application, with what is there of its body."""
        if self._fast is None or not self._fast[0].body_limit:
            return
        head, body = self._fast[1], self._body
        self._fast, self._body = None, b""
        self._give_to_application(head)
        if body:
            self.on_body(body)

    @property
    def _is_body_awaited(self) -> bool:
        """Whether a request is being read whose head is whole."""
        return self._fast is not None or self._reading is not None

    def _keeps_alive(self, head: Head) -> bool:
        """Tell whether the connection stays for further requests behind the one that is being read."""
        return self._parser.should_keep_alive() and head.version != "1.0" and not self._is_ending

    # Responses.

    def _add(self, turn: Turn) -> None:
        """Let a response begin, or wait for those before it."""
        self._is_last = not turn.keep_alive
        self._turns.append(turn)
        if len(self._turns) == 1:
            turn.start()
        else:
            self._regulate()

    def _refuse(self, problem: Problem) -> None:
        """Answer in its turn what cannot be taken, and read no more."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._is_in_head = False
        self._fast, self._body = None, b""
        reading, self._reading = self._reading, None
        if reading is None:
            self._add(Refusal(self, limits.reply_to(problem)))
        elif reading.is_over:
            # It has its answer; a second one would be taken for the answer to the next.
            self._hang_up()
        elif reading.is_begun:
            self.transport.close()
        else:
            reading.leave()
            self._turns.pop()
            self._add(Refusal(self, limits.reply_to(problem)))

    def _lines_before(self, status: int) -> bytes:
        headers = self._server_state.default_headers
        if headers is not self._default_headers:
            # Once a second: the date.
            self._default_headers, self._default_lines = headers, header_lines(headers)
        return status_line(status) + self._default_lines

    def _regulate(self) -> None:
        """Read, but not from a client that does not read, nor more than one request ahead of the answers."""
        is_waiting = len(self._turns) > 1 or (self._reading is not None and self._reading.is_full)
        should_pause = not self._may_write.is_set() or (is_waiting and not self._is_deaf)
        if should_pause == self._is_reading_paused or self.transport.is_closing():
            return
        self._is_reading_paused = should_pause
        if should_pause:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _hang_up(self) -> None:
        """Close after the last answer; where its client may still be sending, only once it has that answer.

        What comes to a closed socket would make the client's system throw the answer away.
        """
        if self._is_deaf and not self._is_half_closed:
            self.transport.write_eof()
        else:
            self.transport.close()

    def _close_if_idle(self) -> None:
        if not self._turns and not self._is_body_awaited:
            self.transport.close()

    def _look(self) -> None:
        """Hang up on a client that has not said anything for too long, or not all of it, or does not read."""
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)
        # A body takes its time, for which there is an end where the application reads.
        self._leave_fast_path()
        if self._turns and self._may_write.is_set():
            return
        waited = self._loop.time() - self._since
        if waited > (LINGER_SECONDS if self._is_deaf else IDLE_SECONDS):
            self.transport.abort()
        elif waited > limits.HEAD_SECONDS and self._is_in_head and not self._is_reading_paused:
            self._refuse(limits.SLOW_HEAD)


def _with_ascii_line(piece: bytes) -> bytes:
    """Percent-encode bytes beyond ASCII in the line of a request: messages and QR codes bring them, the parser none."""
    line, end, rest = piece.partition(b"\n")
    return quote(line, safe=_ASCII).encode() + end + rest
