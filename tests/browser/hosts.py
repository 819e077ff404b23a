"""Somebody who comes to the shop's hosts by whatever addresses, without a link of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tests.browser.shop import Shop
from tests.browser.visits import OF_THE_BROWSER
from tests.support.system import PHONE

NEW, OLD = "NEWNEWNEW1", "OLDOLDOLD1"
SESSION = "() => Clicktrail.session"


@dataclass
class Visitor:
    """A browser, and what its pages complained of."""

    context: BrowserContext
    shop: Shop
    complaints: list[str] = field(default_factory=list)
    """Errors that pages threw or wrote to the console."""
    said: list[str] = field(default_factory=list)
    """All else that they wrote to the console."""

    async def open(self, host: str, path: str = "/") -> Page:
        """Open a page of a host in a new tab."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        await page.goto(self.shop.at(host, path))
        return page

    async def session_at(self, host: str, path: str = "/") -> str:
        """Open a page of a host, and return the session there."""
        page = await self.open(host, path)
        found: str = await page.evaluate(SESSION)
        return found

    async def set_cookie(self, value: str, **scope: Any) -> None:
        """Set an older library's cookie in a scope: for a `domain` and a `path`, or for a `url`."""
        await set_cookie(self.context, value, **scope)

    async def cookies(self, name: str = "hello_session") -> list[tuple[str, str]]:
        """Return the value and the domain of each cookie of a name, one for subdomains too with a dot before it."""
        found = await self.context.cookies()
        return [(cookie["value"], cookie["domain"]) for cookie in found if cookie["name"] == name]

    def _listen(self, message: ConsoleMessage) -> None:
        is_error = message.type == "error" and not message.text.startswith(OF_THE_BROWSER)
        (self.complaints if is_error else self.said).append(message.text)


async def set_cookie(context: BrowserContext, value: str, **scope: Any) -> None:
    """Set an older library's cookie in a scope: for a `domain` and a `path`, or for a `url`."""
    place = {} if "url" in scope else {"path": "/"}
    cookie: Any = {"name": "hello_session", "value": value, **place, **scope}
    await context.add_cookies([cookie])


def sent_by(request: Request) -> dict[str, Any]:
    """Return the event or the name that a request brought."""
    found: dict[str, Any] = request.post_data_json or {}
    return found


@asynccontextmanager
async def open_visitor(browser: Browser, shop: Shop) -> AsyncIterator[Visitor]:
    """Open a browser without a past; look for complaints after."""
    context = await browser.new_context(user_agent=PHONE, ignore_https_errors=True)
    visitor = Visitor(context, shop)
    yield visitor
    await context.close()
    assert visitor.complaints == []
