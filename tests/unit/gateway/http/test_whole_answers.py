"""Whole answers are sent in one piece, others as they come."""

from typing import Any

import pytest

from gateway.http.asgi import Message
from gateway.http.connection import WholeAnswers
from gateway.http.exchange import Answer
from gateway.http.responses import Reply, send_answer


class Wire:
    """Notes what is sent, and how."""

    def __init__(self, *, is_head: bool = False) -> None:
        self.messages: list[Message] = []
        self.replies: list[Reply] = []
        self.send = WholeAnswers(self._note, self.replies.append, is_head=is_head)

    async def _note(self, message: Message) -> None:
        self.messages.append(message)


@pytest.mark.parametrize(("is_head", "body"), [(False, b"{}"), (True, b"")])
async def test_head_and_body_leave_together(is_head: bool, body: bytes) -> None:  # noqa: FBT001  (a parameter)
    """To HEAD without the body, whose length is told."""
    wire = Wire(is_head=is_head)
    await send_answer(wire.send, Answer(200, b"{}"), {"x-request-id": "1"})
    (reply,) = wire.replies
    assert reply == Reply(200, reply.head, body)
    assert b"x-request-id: 1\r\n" in reply.head
    assert b"content-length: 2\r\n" in reply.head
    assert wire.messages == []


async def test_an_answer_in_pieces_goes_on_as_it_is() -> None:
    """Its head with the first of them."""
    wire = Wire()
    start: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
    pieces = [{"type": "http.response.body", "body": body, "more_body": bool(body)} for body in (b"a", b"b", b"")]
    await wire.send(start)
    assert wire.messages == []
    for piece in pieces:
        await wire.send(piece)
    assert wire.messages == [start, *pieces]
    assert wire.replies == []
