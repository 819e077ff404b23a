"""One connection of a client: hits and events are answered from the parser's own callbacks, all else goes on as ASGI.

A task, a scope and two messages a request cost more than all that a redirect is made of, so a hit has none of them,
and neither has an event that is as most are.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.events.fast_path import LARGEST_BYTES, Post
from gateway.http.asgi import Message, Send
from gateway.http.protocol import BoundedConnection, Posting, Visit
from gateway.http.responses import Reply, lines_of
from gateway.redirects.hits import HitRequest

if TYPE_CHECKING:
    from gateway.app import Application


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
        self._gateway = cast("Application", self.app).gateway
        self._peer = self.client[0] if self.client else ""
        self._hit: HitRequest | None = None
        """The request that is being read, where it is a hit."""
        self._post: Post | None = None
        """The same, where it brings an event that may be taken at once."""

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks for an answer
        """Answer what is under way also where its client says nothing more; return whether there is such."""
        self._leave_post()
        return super().eof_received()

    def take_head(self) -> None:
        """Take a request, but for hits and events: those are taken when they are whole."""
        method = self.parser.get_method()
        if found := self._gateway.short_link_in(method, self.url):
            code, query, is_head = found
            self._hit = HitRequest(code, query, self.headers, self._peer, is_head)
        elif self._gateway.posts.may_take(method, self.url, self.headers):
            self._is_in_head = False
            self._post = Post(self.url, self.headers, self._peer)
        else:
            self.leave_to_application()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body, but for one that comes with a hit: it says nothing."""
        if self._hit is not None:
            return
        if self._post is None:
            super().on_body(body)
            return
        self._is_in_head = False
        self._post.body += body
        if len(self._post.body) > LARGEST_BYTES:
            self._leave_post()

    def on_message_complete(self) -> None:
        """Take a hit or an event; tell any other request that its body is whole."""
        if self._hit is not None:
            self._is_in_head = False
            hit, self._hit = self._hit, None
            self.take_turn(Visit(self, self._gateway.redirects, hit, keep_alive=self.keeps_alive))
        elif self._post is not None:
            self._take_post(self._post)
        else:
            super().on_message_complete()

    def shutdown(self) -> None:
        """End when what is under way is answered. Streams have no end of their own, and get one."""
        self._gateway.end_streams()
        self._leave_post()
        super().shutdown()

    def _take_post(self, post: Post) -> None:
        """Send an event on its way, unless it has to wait for another answer or is not as most are."""
        self._is_in_head = False
        landed = self._gateway.posts.depart(post) if self.is_idle else None
        if landed is None:
            self._leave_post()
            super().on_message_complete()
        else:
            self._post = None
            self.take_turn(Posting(self, landed, keep_alive=self.keeps_alive))

    def _leave_post(self) -> None:
        """Leave an event that is being read to the application, with what is there of its body."""
        if self._post is None:
            return
        post, self._post = self._post, None
        self.url, self.headers = post.target, post.headers
        self.leave_to_application()
        self.headers = []
        if post.body:
            super().on_body(bytes(post.body))

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
        self._leave_post()
        super()._look()
