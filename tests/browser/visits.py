"""A recipient's visit to the shop, in a browser of their own."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from tests.browser.shop import Shop
from tests.support.system import PHONE, System
from tests.support.waiting import eventually

# What the browser itself says of requests that fail; no script can keep it from saying so.
OF_THE_BROWSER = "Failed to load resource"
# The calls of the script, not the script.
CALLS = "**/v1/{track,public}/**"
QUEUE = "() => Object.keys(localStorage).filter((key) => key.startsWith('clicktrail:')).length"


@dataclass
class Visit:
    """A recipient, their link, and the browser they clicked it in."""

    context: BrowserContext
    private: httpx.AsyncClient
    shop: Shop
    system: System
    profile: str
    link: dict[str, Any]
    landed_at: str = ""
    """The address that the click led to, as it was before the script took the session out of it."""
    complaints: list[str] = field(default_factory=list)
    """Errors that pages threw or wrote to the console."""

    @property
    def short_url(self) -> str:
        """Return the address to click, on the gateway of the tests."""
        return f"{self.system.http}/{self.link['code']}"

    async def click(self) -> Page:
        """Open the short link in a new tab and return the page that it leads to."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        response = await page.goto(self.short_url)
        assert response is not None
        self.landed_at = response.url
        assert self.landed_at.startswith(f"{self.link['destination']}?")
        return page

    async def cut(self) -> None:
        """Let no call of the script through any more, but for beacons of closing pages: those cannot be held up."""
        await self.context.route(CALLS, _abort)

    async def mend(self) -> None:
        """Let calls through again."""
        await self.context.unroute(CALLS)

    async def actions_when(self, *actions: str) -> None:
        """Wait until these are the recipient's activities, each as often as it stands here, and nothing else."""
        expected = Counter(["short_link.clicked", *actions])

        async def look() -> Counter[str]:
            return Counter(activity["action"] for activity in await self.activities())

        assert await eventually(look, lambda seen: seen.total() >= expected.total()) == expected

    async def activities(self) -> list[dict[str, Any]]:
        """Return the recipient's activities as they are now."""
        response = await self.private.get(f"/v1/profiles/{self.profile}/activities", params={"limit": 100})
        found: list[dict[str, Any]] = response.json()["activities"] if response.status_code == 200 else []
        return found

    async def report(self) -> dict[str, Any]:
        """Return the campaign's report as it is now."""
        response = await self.private.get(f"/v1/campaigns/{self.link['campaign']}/report")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(OF_THE_BROWSER):
            self.complaints.append(message.text)


@asynccontextmanager
async def open_visit(
    browser: Browser, system: System, shop: Shop, private: httpx.AsyncClient, host: str = "127.0.0.1", **more: Any
) -> AsyncIterator[Visit]:
    """Make a recipient with a link of a new campaign to a host of the shop, and a browser with a phone's name.

    more is what else the link has. Looks for complaints after.
    """
    profile = f"p-{secrets.token_hex(6)}"
    fields = {"destination": shop.at(host, "/p/1"), "campaign": f"c-{secrets.token_hex(6)}", "profile": profile}
    response = await private.post("/v1/links", json={**fields, "utm": {"source": "hellotext", "medium": "sms"}, **more})
    assert response.status_code == 201, response.text
    # With its own name, Chromium without a window would be taken for the robot that it is.
    context = await browser.new_context(user_agent=PHONE)
    visit = Visit(context, private, shop, system, profile, response.json())
    yield visit
    await context.close()
    assert visit.complaints == []


async def nothing_waits(page: Page) -> None:
    """Wait until the page has been told what became of everything."""
    await this_waits(page, 0)


async def this_waits(page: Page, count: int) -> None:
    """Wait until so many calls wait in the page's local storage."""

    async def look() -> int:
        waiting: int = await page.evaluate(QUEUE)
        return waiting

    await eventually(look, lambda waiting: waiting == count)


async def _abort(route: Route) -> None:
    await route.abort()
