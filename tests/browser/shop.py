"""A shop on an origin of its own, as small as can be."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,">{head}</head><body>{body}</body></html>"""


@dataclass
class Shop:
    """Serves its pages by path; any other path is the shop's ordinary page, whose script tracks."""

    gateway: str
    business: str
    port: int = 0
    scheme: str = "http"
    pages: dict[str, str] = field(default_factory=dict)
    """Whole pages, by path."""

    @property
    def url(self) -> str:
        """Its address without a name."""
        return self.at("127.0.0.1")

    @property
    def ordinary(self) -> str:
        """What stands in the head of ordinary pages."""
        return self.page_with("{}")

    @property
    def snippet(self) -> str:
        """What the documentation tells shops to put on their pages, but for the script's own tag."""
        text = DOCUMENT.read_text("utf-8").partition("```html\n")[2].partition("<script async")[0]
        return text.replace("BUSINESS_ID", self.business)

    def page_with(self, options: str) -> str:
        """Return what begins with these options, written as in a script."""
        return f"{self.script('c.js')}<script>Clicktrail.initialize('{self.business}', {options})</script>"

    def at(self, host: str, path: str = "") -> str:
        """Return the address of a path at one of its hosts."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def script(self, name: str, attributes: str = "") -> str:
        """Return the tag of the tracking script by one of its names."""
        return f'<script {attributes} src="{self.gateway}/v1/{name}"></script>'

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        body = self.pages.get(path, PAGE.format(head=self.ordinary, body="<h1>Shop</h1>")).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


AnyShop = TypeVar("AnyShop", bound=Shop)


@asynccontextmanager
async def open_shop(gateway: str, business: str, certificate: ssl.SSLContext | None = None) -> AsyncIterator[Shop]:
    """Run a shop whose ordinary pages have the tracking script of this gateway, for this business."""
    async with serving(Shop(gateway, business, scheme="https" if certificate else "http"), certificate) as shop:
        yield shop


@asynccontextmanager
async def serving(shop: AnyShop, certificate: ssl.SSLContext | None = None) -> AsyncIterator[AnyShop]:
    """Run a shop on a free port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await shop.answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            # Browsers open connections that they never use.
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=certificate)
    shop.port = server.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        server.close()
