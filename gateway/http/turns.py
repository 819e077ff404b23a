"""The responses of one connection: each begins when those to the requests before it have been sent.

Most are answered without ASGI, by a fast path: a task, a scope and two messages cost more than such an answer does.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from gateway.http.asgi import App, Message, RawHeaders, Scope
from gateway.http.errors import problem_of
from gateway.http.exchange import Answer
from gateway.http.head import Head
from gateway.http.responses import NO_BODY, Reply, header_lines, reply_of

# Of a body, before its client is made to wait until some of it has been received.
BODY_BUFFER_BYTES = 64 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


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
    """Knows requests that are answered without ASGI."""

    def offer(self, head: Head, peer: str) -> FastRequest | None:
        """Return a request with this head if it is one of them; peer is the address of who is at the other end."""


FastPaths = Sequence[FastPath]
"""Fast paths, of which the first that takes a request has it."""


class Wire(Protocol):
    """Where turns send their responses: the connection, seen from them."""

    def send_reply(self, reply: Reply, *, keep_alive: bool) -> None:
        """Send the whole response whose turn it is; the next one begins."""

    def send_head(self, status: int, lines: bytes, *, keep_alive: bool) -> None:
        """Send the head of the response whose turn it is."""

    def send(self, data: bytes) -> None:
        """Send a part of the response whose turn it is."""

    def end_turn(self, *, keep_alive: bool) -> None:
        """Begin the next response: the one whose turn it was is sent."""

    def abort(self) -> None:
        """Break off: nobody shall take for whole what was sent."""

    def received(self) -> None:
        """Read on, if it was room for a body that was waited for."""

    async def drained(self) -> None:
        """Wait until the client has read enough of what was sent."""

    def run(self, task: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, which the server waits for at its end."""


class FastTurn:
    """The response of a fast path."""

    __slots__ = ("_pending", "_wire", "keep_alive")

    is_begun = False

    def __init__(self, wire: Wire, pending: PendingResponse, *, keep_alive: bool) -> None:
        self._wire = wire
        self._pending = pending
        self.keep_alive = keep_alive

    def start(self) -> None:
        """Begin it."""
        self._pending.start(self._answer)

    def leave(self) -> None:
        """Go on without a client: a hit that was taken is a click."""

    def _answer(self, reply: Reply) -> None:
        self._wire.send_reply(reply, keep_alive=self.keep_alive)


class Refusal:
    """The last response of a connection on which nothing more is read."""

    __slots__ = ("_reply", "_wire")

    is_begun = False
    keep_alive = False

    def __init__(self, wire: Wire, reply: Reply) -> None:
        self._wire = wire
        self._reply = reply

    def start(self) -> None:
        """Send it."""
        self._wire.send_reply(self._reply, keep_alive=False)

    def leave(self) -> None:
        """There is nothing under way."""


class AsgiTurn:
    """A response of the application, and the body of its request while that comes in.

    The head of a response waits for the first piece of its body: what is whole then leaves in one write.
    """

    def __init__(self, wire: Wire, app: App, scope: Scope, head: Head, *, keep_alive: bool) -> None:
        self._wire = wire
        self._app = app
        self._scope = scope
        self._is_head = head.method == b"HEAD"
        self._may_chunk = head.version != "1.0"
        self._expects_continue = head.expects_continue
        self.keep_alive = keep_alive
        self._changed = asyncio.Event()
        """Set when there is something to receive: a piece of the body, its end, or that nobody listens."""
        self._body = bytearray()
        self.is_body_whole = False
        self._start: Message | None = None
        """The head of the response, until its first piece."""
        self.is_begun = False
        """Whether the head of the response has been sent."""
        self._is_chunked = False
        self.is_over = False
        """Whether nothing that it sends counts any more: the response is sent, or nobody listens."""

    @property
    def is_full(self) -> bool:
        """Whether the client is to wait before it sends more of the body."""
        return len(self._body) > BODY_BUFFER_BYTES

    def start(self) -> None:
        """Let the application answer."""
        self._wire.run(self._run())

    def leave(self) -> None:
        """Tell the application that nobody listens any more."""
        self.is_over = True
        self._body.clear()
        self._changed.set()

    def take_body(self, piece: bytes) -> None:
        """Keep a piece of the body until it is received."""
        if not self.is_over:
            self._body += piece
            self._changed.set()

    def end_body(self) -> None:
        """Note that the body is whole."""
        self.is_body_whole = True
        self._changed.set()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            self._fail(error)
        except asyncio.CancelledError:
            # The time of a stop is up.
            if not self.is_over:
                self._wire.abort()
            raise
        else:
            if not self.is_over:
                self._fail(RuntimeError("The application returned without a whole response."))

    def _fail(self, error: Exception) -> None:
        problem = problem_of(error, secrets.token_hex(8))
        if self.is_over:
            return
        if self.is_begun:
            self._wire.abort()
        else:
            answer = Answer(problem.status, problem.body(), problem.headers)
            self._finish(reply_of(answer, {"cache-control": "no-store"}, is_head=self._is_head))

    async def _receive(self) -> Message:
        if self._expects_continue and not self.is_over:
            self._wire.send(_CONTINUE)
        self._expects_continue = False
        if not self.is_over:
            await self._changed.wait()
            self._changed.clear()
        if self.is_over:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        self._wire.received()
        return {"type": "http.request", "body": body, "more_body": not self.is_body_whole}

    async def _send(self, message: Message) -> None:
        await self._wire.drained()
        if self.is_over:
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        body: bytes = message.get("body", b"")
        is_last = not message.get("more_body", False)
        start, self._start = self._start, None
        if start is not None and is_last:
            self._finish(Reply(start["status"], header_lines(start["headers"]), b"" if self._is_head else body))
            return
        if start is not None:
            self._begin(start["status"], start["headers"])
        self._send_piece(body, is_last=is_last)

    def _finish(self, reply: Reply) -> None:
        self.is_over = True
        self._changed.set()
        self._wire.send_reply(reply, keep_alive=self.keep_alive)

    def _begin(self, status: int, headers: RawHeaders) -> None:
        """Send the head of a response in pieces; where nothing tells their end, that of the connection does."""
        self.is_begun = True
        lines = header_lines(headers)
        has_length = any(name.lower() == b"content-length" for name, _ in headers)
        if not has_length and not self._is_head and status not in NO_BODY:
            self._is_chunked = self._may_chunk
        if self._is_chunked:
            lines += b"transfer-encoding: chunked\r\n"
        self._wire.send_head(status, lines, keep_alive=self.keep_alive)

    def _send_piece(self, body: bytes, *, is_last: bool) -> None:
        if self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._wire.send(piece + (b"0\r\n\r\n" if is_last else b""))
        elif not self._is_head:
            self._wire.send(body)
        if is_last:
            self.is_over = True
            self._changed.set()
            self._wire.end_turn(keep_alive=self.keep_alive)


Turn = FastTurn | Refusal | AsgiTurn


def scope_of(head: Head, server: Any, client: Any, state: dict[str, Any]) -> Scope:
    """Return a request as ASGI describes it; server and client are their address and port, or None."""
    raw_path, _, query = head.target.partition(b"#")[0].partition(b"?")
    path = raw_path.decode("latin-1")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "server": server,
        "client": client,
        "scheme": "http",
        "method": head.method.decode("ascii"),
        "root_path": "",
        "path": unquote_to_bytes(path).decode("utf-8", "replace") if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": head.headers,
        "state": state.copy(),
    }
