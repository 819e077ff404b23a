"""A shop on an origin of its own, as small as can be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,">{head}</head><body>{body}</body></html>"""


@dataclass
class Shop:
    """Serves its pages by path; any other path is the shop's ordinary page, whose script tracks."""

    ordinary: str
    """What stands in the head of ordinary pages."""
    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    """Whole pages, by path."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        body = self.pages.get(path, PAGE.format(head=self.ordinary, body="<h1>Shop</h1>")).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def open_shop(gateway: str, business: str) -> AsyncIterator[Shop]:
    """Run a shop whose ordinary pages have the tracking script of this gateway, for this business."""
    tracker = f'<script src="{gateway}/v1/tracker.js"></script><script>Clicktrail.initialize("{business}")</script>'
    shop = Shop(tracker)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await shop.answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            # Browsers open connections that they never use.
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield shop
    finally:
        server.close()
