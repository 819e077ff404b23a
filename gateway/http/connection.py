"""One connection of a client: requests of fast paths are answered from the parser's callbacks, all else by ASGI."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.http.asgi import Message, Send
from gateway.http.protocol import BoundedConnection, FastRequest, PipelinedResponse
from gateway.http.responses import Reply, lines_of


class WholeAnswers:
    """Takes the ASGI messages of one answer in place of `send`, which writes the head before there is a body.

    The head waits for the first piece of the body. What is whole then is left to `finish`; an answer of several pieces
    goes on as it would.
    """

    __slots__ = ("_finish", "_is_head", "_send", "_start")

    def __init__(self, send: Send, finish: Callable[[Reply], None], *, is_head: bool) -> None:
        self._send = send
        self._finish = finish
        self._is_head = is_head
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Take a message."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
        elif message.get("more_body"):
            await self._send(start)
            await self._send(message)
        else:
            body = b"" if self._is_head else message["body"]
            self._finish(Reply(start["status"], lines_of(start["headers"]), body))


class Connection(BoundedConnection):
    """A connection, and what is being read on it that the application need not see."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._fast_paths = self.application.fast_paths
        self._peer = self.client[0] if self.client else ""
        self._fast: FastRequest | None = None
        """The request that is being read, where it is one of a fast path."""
        self._body = b""
        """What is kept of its body."""

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks for an answer
        """Answer what is under way also where its client says nothing more; return whether there is such."""
        self._leave()
        return super().eof_received()

    def take_head(self) -> None:
        """Take a request, but for those of the fast paths: they are taken when they are whole."""
        method = self.parser.get_method()
        for path in self._fast_paths:
            request = path.offer(method, self.url, self.headers, self._peer)
            if request is not None:
                self._fast = request
                if request.body_limit:
                    self._is_in_head = False
                    self._head = self.url, self.headers
                return
        self.leave_to_application()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body, but for one that says nothing."""
        if self._fast is None:
            super().on_body(body)
        elif self._fast.body_limit:
            self._is_in_head = False
            self._body += body
            if len(self._body) > self._fast.body_limit:
                self._leave()

    def on_message_complete(self) -> None:
        """Take a request of a fast path; tell any other that its body is whole."""
        request = self._fast
        if request is None:
            super().on_message_complete()
            return
        self._is_in_head = False
        # What may turn out to be the application's waits for no answer before it: that goes by the application.
        pending = request.whole(self._body) if self.is_idle or not request.body_limit else None
        if pending is None:
            self._leave()
            super().on_message_complete()
        else:
            self._fast, self._body = None, b""
            self.take_turn(PipelinedResponse(self, pending, keep_alive=self.keeps_alive))

    def shutdown(self) -> None:
        """End when what is under way is answered. Streams have no end of their own, and get one."""
        self.application.end()
        self._leave()
        super().shutdown()

    def _leave(self) -> None:
        """Leave a request that is being read to the application, with what is there of its body."""
        if self._fast is None or not self._fast.body_limit:
            return
        body, self._fast, self._body = self._body, None, b""
        self.url, self.headers = self._head
        self.leave_to_application()
        self.headers = []
        if body:
            super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, partial(self._serve, app, cycle))

    def _serve(self, app: Any, cycle: RequestResponseCycle, scope: Any, receive: Any, send: Any) -> Any:
        """Let the application answer; an answer that is whole is written at once."""
        finish = partial(self._finish, cycle)
        return app(scope, receive, WholeAnswers(send, finish, is_head=scope["method"] == "HEAD"))

    def _finish(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        """Send the whole answer to a request that is no hit; what is left of its body is not waited for."""
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        self.send_reply(reply, keep_alive=cycle.keep_alive)

    def _look(self) -> None:
        # It takes its time, for which there is an end where the application reads.
        self._leave()
        super()._look()
