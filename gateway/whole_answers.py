"""Sends an answer that is whole in one piece: each write costs the kernel, and wakes the client, by itself."""

from collections.abc import Callable

from gateway.asgi import Message, Send
from gateway.sending import Reply, lines_of


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
