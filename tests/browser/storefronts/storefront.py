"""What the shops of all platforms have in common: pages with an adapter, carts that are kept, and orders."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import count
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl

from tests.browser.shop import PAGE, Shop


class Asked(NamedTuple):
    """A request."""

    method: str
    target: str
    """Path and query, as they came."""
    cookies: Mapping[str, str]
    body: str

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body, keep_blank_values=True))


class Given(NamedTuple):
    """An answer."""

    body: str = ""
    status: int = 200
    headers: tuple[str, ...] = ()
    content_type: str = "text/html"


@dataclass
class Storefront(Shop):
    """A shop on a platform: what its theme and its checkout do with a cart."""

    platform: ClassVar[str]

    orders: list[dict[str, Any]] = field(default_factory=list)
    """Orders as the platform's API shows them."""
    asked: list[str] = field(default_factory=list)
    """The calls of pages, as "METHOD /path"."""
    failing: str = ""
    """Calls whose target has this in it answer 500."""
    slow: str = ""
    """Calls whose target has this in it wait for `go_on`."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    theme: str | None = None
    """What stands in each page instead of what the theme has there."""
    options: str = ""
    """What the script begins with, as in a script. Without any it stands there as the documentation tells shops."""
    numbers: "count[int]" = field(default_factory=lambda: count(1001))

    @property
    def tracked(self) -> str:
        """The script with the platform's adapter, begun."""
        name = f"c.js?for={self.platform}"
        if not self.options:
            return self.snippet + self.script(name, "async")
        return f"{self.script(name)}<script>Clicktrail.initialize('{self.business}', {self.options})</script>"

    def page(self, theme: str, body: str = "") -> Given:
        """Return a page, the script high in its head and the theme's own below."""
        shown = theme if self.theme is None else self.theme
        return Given(PAGE.format(head=self.tracked + shown, body=body))

    def serve(self, asked: Asked) -> Given:
        """Answer as the platform does."""
        raise NotImplementedError

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        asked = await _read(reader)
        self.asked.append(f"{asked.method} {asked.path}")
        if self.slow and self.slow in asked.target:
            await self.go_on.wait()
        given = Given("Oh no", 500) if self.failing and self.failing in asked.target else self.serve(asked)
        body = given.body.encode()
        lines = [f"HTTP/1.1 {given.status} -", f"Content-Type: {given.content_type}", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*lines, *given.headers, "Connection: close", "", ""]).encode() + body)
        await writer.drain()
        writer.close()


def in_json(value: object, *headers: str, status: int = 200) -> Given:
    """Return an answer in JSON."""
    return Given(json.dumps(value), status, headers, "application/json")


def leading_to(path: str, *headers: str) -> Given:
    """Return an answer that leads to a page."""
    return Given("", 302, (f"Location: {path}", *headers))


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    cookies = {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    return Asked(method, target, cookies, body.decode())
