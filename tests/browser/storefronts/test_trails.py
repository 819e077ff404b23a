"""The whole trail of each platform: a click in a browser, the shop's order, its signed webhooks, the report."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.shop import serving
from tests.browser.storefronts.conftest import HOST, Buyer
from tests.browser.storefronts.own_shop import OwnShop
from tests.browser.storefronts.shopify import ShopifyStorefront
from tests.browser.storefronts.storefront import Storefront
from tests.browser.storefronts.stripe import PaymentPage
from tests.browser.storefronts.woocommerce import WooStorefront
from tests.browser.visits import Visit, open_visit
from tests.support.platforms.trails import PLATFORMS, WRONG_SECRET, connect, told_of
from tests.support.system import System
from tests.support.waiting import eventually

SHOPS: dict[str, type[Storefront]] = {
    "woocommerce": WooStorefront, "shopify": ShopifyStorefront, "stripe": PaymentPage, "generic": OwnShop,
}  # fmt: skip
PAYMENT_LINK = {"session_parameters": ["client_reference_id"]}


@pytest_asyncio.fixture(params=PLATFORMS)
async def shop(system: System, request: pytest.FixtureRequest) -> AsyncIterator[Storefront]:
    """Run a shop on a platform; its orders have numbers that no other test's have."""
    async with serving(SHOPS[request.param](system.http, system.business)) as shop:
        shop.numbers = count(10**6 + 2 * secrets.randbelow(10**8))
        yield shop


@pytest_asyncio.fixture
async def buyer(browser: Browser, system: System, shop: Storefront, private: httpx.AsyncClient) -> AsyncIterator[Buyer]:
    """Return a recipient of a campaign whose links lead to the shop, or to the payment link."""
    more = PAYMENT_LINK if shop.platform == "stripe" else {}
    async with open_visit(browser, system, shop, private, HOST, **more) as visit:
        yield Buyer(visit, shop)


async def buy(buyer: Buyer, page: Page) -> dict[str, Any]:
    """Buy as visitors of the shop do, and return its order."""
    match buyer.shop:
        case WooStorefront():
            await page.goto(buyer.at("/checkout/"))
            await page.click("#place_order")
        case ShopifyStorefront():
            await page.click("#add")
            await page.click("#checkout")
        case _:
            await page.click("#pay")
    return await buyer.order()


async def of_orders(visit: Visit) -> Counter[str]:
    """Return what the recipient did with orders."""
    found = Counter(each["action"] for each in await visit.activities())
    return Counter({action: times for action, times in found.items() if action.startswith(("order.", "refund."))})


async def test_from_the_click_to_the_report(
    system: System, shop: Storefront, buyer: Buyer, private: httpx.AsyncClient
) -> None:
    """The refund comes before its order, each twice, with wrong signatures between: all counts once, to the cent."""
    order = await buy(buyer, await buyer.click())
    guest = {"customer": None, "email": f"{secrets.token_hex(6)}@example.com", "contact_email": None}
    told = told_of(shop.platform, order | (guest if shop.platform == "shopify" else {}))
    platform = await connect(system, private, shop.platform)
    for topic, body in (told.refunded, told.placed):
        assert await platform.send(body, topic, WRONG_SECRET) == 401
        assert await platform.send(body, topic) == 200
        assert await platform.send(body, topic, WRONG_SECRET) == 401
    for topic, body in (told.refunded, told.placed):
        assert await platform.send(body, topic) == 200

    async def revenue() -> tuple[int, list[dict[str, str]]]:
        totals = (await buyer.visit.report())["totals"]
        return totals["conversions"], totals["revenue"]

    expected = (1, [{"amount": told.left, "currency": told.currency}])
    assert await eventually(revenue, lambda seen: seen == expected) == expected
    seen = await eventually(lambda: of_orders(buyer.visit), lambda seen: "refund.received" in seen)
    assert seen["refund.received"] == 1
    assert set(seen.values()) == {1}
    shown = (await private.get(f"/v1/connections/{platform.id}")).json()
    assert (shown["deliveries"], shown["refused"]) == (4, 4)
