"""Answers of the application: whole ones are sent in one piece, others as they come."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from gateway.http.asgi import App, Message, Receive, Scope, Send
from gateway.http.exchange import Answer
from gateway.http.head import Head
from gateway.http.responses import Reply, send_answer
from gateway.http.turns import AsgiTurn, scope_of

GET = Head(b"GET", b"/a%20b?c=%C3%A9#d", "1.1", [], expects_continue=False)
PIECES = (b"a", b"", b"bc")


class RecordingWire:
    """Notes what is sent, and how."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.sent = b""
        self.ended: list[bool] = []
        self.is_aborted = False
        self.task: asyncio.Task[None]

    def send_reply(self, reply: Reply, *, keep_alive: bool) -> None:
        """Note a whole response."""
        self.replies.append(reply)
        self.ended.append(keep_alive)

    def send_head(self, status: int, lines: bytes, *, keep_alive: bool) -> None:
        """Note a head."""
        del keep_alive
        self.sent += b"%d\r\n%b\r\n" % (status, lines)

    def send(self, data: bytes) -> None:
        """Note a part."""
        self.sent += data

    def end_turn(self, *, keep_alive: bool) -> None:
        """Note the end."""
        self.ended.append(keep_alive)

    def abort(self) -> None:
        """Note that it was broken off."""
        self.is_aborted = True

    def received(self) -> None:
        """There is always room."""

    async def drained(self) -> None:
        """Read at once."""

    def run(self, task: Coroutine[Any, Any, None]) -> None:
        """Run it."""
        self.task = asyncio.get_running_loop().create_task(task)


def turn_of(wire: RecordingWire, app: App, head: Head = GET) -> AsgiTurn:
    """Return a response of an application to this head, on a connection that stays unless it is HTTP/1.0."""
    return AsgiTurn(wire, app, scope_of(head, None, None, {}), head, keep_alive=head.version != "1.0")


async def wire_after(app: App, head: Head = GET) -> RecordingWire:
    """Return what an application has sent to a request without a body."""
    wire = RecordingWire()
    turn = turn_of(wire, app, head)
    turn.end_body()
    turn.start()
    await wire.task
    return wire


async def in_pieces(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer in pieces, without a length."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in PIECES:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(("method", "body"), [(b"GET", b"{}"), (b"HEAD", b"")])
async def test_head_and_body_leave_together(method: bytes, body: bytes) -> None:
    """To HEAD without the body, whose length is told."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_answer(send, Answer(200, b"{}"), {"x-request-id": "1"})

    wire = await wire_after(app, GET._replace(method=method))
    (reply,) = wire.replies
    assert reply == Reply(200, reply.head, body)
    assert b"x-request-id: 1\r\n" in reply.head
    assert b"content-length: 2\r\n" in reply.head
    assert (wire.sent, wire.ended) == (b"", [True])


async def test_an_answer_in_pieces_is_chunked() -> None:
    """Its head leaves with the first of them, and no piece of it is taken for its end."""
    wire = await wire_after(in_pieces)
    assert wire.sent == b"200\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    assert wire.ended == [True]


async def test_an_answer_in_pieces_ends_with_the_connection_where_chunks_are_unknown() -> None:
    """HTTP/1.0 has none."""
    wire = await wire_after(in_pieces, GET._replace(version="1.0"))
    assert (wire.sent, wire.ended) == (b"200\r\n\r\nabc", [False])


async def test_an_answer_in_pieces_to_head_has_none() -> None:
    """Nor chunks."""
    wire = await wire_after(in_pieces, GET._replace(method=b"HEAD"))
    assert (wire.sent, wire.ended) == (b"200\r\n\r\n", [True])


async def _fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ValueError("secret")


async def _says_nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    pass


async def _splits(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send_answer(send, Answer(200, b"", {"x-name": "a\r\nset-cookie: b"}), {})


@pytest.mark.parametrize("app", [_fails, _says_nothing, _splits])
async def test_a_fault_of_ours_is_told_by_its_request_id(app: App) -> None:
    """An error, no answer at all, a header that would begin another: 500, without a word of what it was."""
    wire = await wire_after(app)
    (reply,) = wire.replies
    assert reply.status == 500
    assert b"request id" in reply.body
    assert b"secret" not in reply.body
    assert b"set-cookie" not in reply.head


async def test_an_answer_that_fails_in_the_middle_breaks_off() -> None:
    """So that nobody takes it for whole."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ValueError

    wire = await wire_after(app)
    assert (wire.is_aborted, wire.replies, wire.ended) == (True, [], [])


async def test_a_body_is_received_as_it_comes() -> None:
    """And then that nobody listens any more, once that is so; what is sent to nobody is left out."""
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        received.extend([await receive() for _ in range(4)])
        await send_answer(send, Answer(204), {})

    wire = RecordingWire()
    turn = turn_of(wire, app, GET._replace(expects_continue=True))
    turn.start()
    for piece in (b"a", b"b"):
        turn.take_body(piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    turn.end_body()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    turn.leave()
    await wire.task
    *pieces, last = received
    assert b"".join(piece["body"] for piece in pieces) == b"ab"
    assert not pieces[-1]["more_body"]
    assert last == {"type": "http.disconnect"}
    assert wire.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.replies == []


def test_a_scope_says_what_the_head_does() -> None:
    """The path decoded and as it came, the query as it came, without what only browsers know."""
    scope = scope_of(GET, None, ("192.0.2.1", 1), {})
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("GET", "/a b", b"/a%20b")
    assert (scope["query_string"], scope["client"]) == (b"c=%C3%A9", ("192.0.2.1", 1))
