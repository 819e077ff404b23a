"""Sends answers: whole ones, and those that come in pieces, for as long as somebody listens."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import NamedTuple

from gateway.http.asgi import RawHeaders, Receive, Send
from gateway.http.exchange import Answer, Streamed

# A length beside 304 would be that of what is at hand already.
NO_BODY = frozenset({204, 304})

_STATUS_LINES = {status.value: f"HTTP/1.1 {status} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Reply(NamedTuple):
    """An answer as it goes over the wire, but for its date and for what becomes of the connection."""

    status: int
    head: bytes
    """The lines of its headers."""
    body: bytes


def status_line(status: int) -> bytes:
    """Return the first line of an answer."""
    return _STATUS_LINES[status]


def reply_of(answer: Answer, headers: Mapping[str, str], *, is_head: bool = False) -> Reply:
    """Return an answer with these headers, but for those that it sets itself. To HEAD the body is only announced."""
    return Reply(answer.status, header_lines_of(_headers_of(answer, headers)), b"" if is_head else answer.body)


def header_lines_of(headers: Mapping[str, str]) -> bytes:
    """Return the lines of headers."""
    return header_lines(_raw(headers))


def header_lines(headers: RawHeaders) -> bytes:
    """Return the lines of headers that are bytes already. Raises `ValueError` where one would begin another."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        raise ValueError("A header of an answer has a line break.")
    return lines


async def send_answer(send: Send, answer: Answer, headers: Mapping[str, str]) -> None:
    """Send what `reply_of` returns as ASGI does."""
    sent = _raw(_headers_of(answer, headers))
    await send({"type": "http.response.start", "status": answer.status, "headers": sent})
    await send({"type": "http.response.body", "body": answer.body})


async def send_stream(receive: Receive, send: Send, answer: Streamed, headers: Mapping[str, str]) -> None:
    """Send pieces, until they end or nobody listens any more; the request's body must have been read.

    Raises what the pieces raise: the answer then breaks off, so that nobody takes it for whole.
    """
    sent = {**headers, **answer.headers, "content-type": answer.content_type}
    await send({"type": "http.response.start", "status": 200, "headers": _raw(sent)})
    # A head leaves with the first piece of its body, for which nobody should have to wait.
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    sending = asyncio.create_task(_send_all(send, answer.pieces))
    leaving = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # What is under way ends first: pieces cannot be closed while one of them is being made.
        is_whole = sending.done()
        for task in (sending, leaving):
            task.cancel()
        await asyncio.wait((sending, leaving))
        await answer.pieces.aclose()
    if is_whole:
        sending.result()


async def _send_all(send: Send, pieces: AsyncGenerator[bytes, None]) -> None:
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers_of(answer: Answer, headers: Mapping[str, str]) -> dict[str, str]:
    sent = {**headers, **answer.headers}
    if answer.body:
        sent["content-type"] = answer.content_type
    if answer.status not in NO_BODY:
        sent["content-length"] = str(len(answer.body))
    return sent


def _raw(headers: Mapping[str, str]) -> RawHeaders:
    return [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]
