"""Sends answers that come in pieces, for as long as somebody listens."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Receive, Send

from gateway.cors import RawHeaders


async def send_stream(receive: Receive, send: Send, pieces: AsyncGenerator[bytes, None], headers: RawHeaders) -> None:
    """Answer 200 with pieces, until they end or nobody listens any more; the request's body must have been read.

    Raises what the pieces raise: the answer then breaks off, so that nobody takes it for whole.
    """
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    sending = asyncio.create_task(_send_all(send, pieces))
    leaving = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # What is under way ends first: pieces cannot be closed while one of them is being made.
        is_whole = sending.done()
        for task in (sending, leaving):
            task.cancel()
        await asyncio.wait((sending, leaving))
        await pieces.aclose()
    if is_whole:
        sending.result()


async def _send_all(send: Send, pieces: AsyncGenerator[bytes, None]) -> None:
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
