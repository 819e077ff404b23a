"""A recipient who clicks a link to the shop of each module here, which says by `shop` on which platform that is."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page, Request

from tests.browser.storefronts.storefront import Storefront
from tests.browser.visits import Visit, open_visit
from tests.support.system import System
from tests.support.waiting import eventually

HOST = "www.shop.test"


@dataclass
class Buyer:
    """A recipient's visit, and what its pages said of checkouts."""

    visit: Visit
    shop: Storefront
    bindings: list[dict[str, Any]] = field(default_factory=list)
    """What was sent of sessions and tokens."""

    @property
    def session(self) -> str:
        """The session of the click."""
        return httpx.URL(self.visit.landed_at).params["hello_session"]

    async def click(self) -> Page:
        """Open the short link."""
        return await self.visit.click()

    def at(self, path: str) -> str:
        """Return the address of a page of the shop."""
        return self.shop.at(HOST, path)

    async def order(self) -> dict[str, Any]:
        """Return the only order, once it is there."""

        async def look() -> list[dict[str, Any]]:
            return self.shop.orders

        (order,) = await eventually(look, bool)
        return order

    async def bound(self) -> dict[str, Any]:
        """Return what was said of a checkout, once that is."""

        async def look() -> list[dict[str, Any]]:
            return self.bindings

        return (await eventually(look, bool))[0]

    def listen(self, request: Request) -> None:
        """Note what a page says of a checkout."""
        if request.url.endswith("/v1/public/bindings"):
            said = json.loads(request.post_data or "")
            # A page that closes says once more what has not been answered.
            self.bindings += [] if said in self.bindings else [said]


@pytest_asyncio.fixture
async def buyer(browser: Browser, system: System, shop: Storefront, private: httpx.AsyncClient) -> AsyncIterator[Buyer]:
    """Return a new recipient of a new campaign, in a browser without a past. Looks for complaints after."""
    async with open_visit(browser, system, shop, private, HOST) as visit:
        buyer = Buyer(visit, shop)
        visit.context.on("request", buyer.listen)
        yield buyer
        shop.go_on.set()


async def page_works(page: Page) -> None:
    """See that the page can still track, which takes its way to the gateway and back."""
    tracked = await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert tracked["succeeded"], tracked
