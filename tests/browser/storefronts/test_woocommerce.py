"""The adapter for WooCommerce, from a click to the order."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.hosts import Visitor
from tests.browser.shop import serving
from tests.browser.storefronts.conftest import HOST, Buyer, page_works
from tests.browser.storefronts.told import told_of
from tests.browser.storefronts.woocommerce import WooStorefront
from tests.support.system import System

CHECKOUTS = ["/checkout/", "/checkout-block/"]


@pytest_asyncio.fixture
async def shop(system: System) -> AsyncIterator[WooStorefront]:
    """Run a shop on WooCommerce."""
    async with serving(WooStorefront(system.http, system.business)) as shop:
        yield shop


async def buy(buyer: Buyer, page: Page, checkout: str) -> dict[str, Any]:
    """Go to the checkout, place the order, and return it once its customer has been thanked."""
    await page.goto(buyer.at(checkout))
    await page.click("#place_order")
    await page.wait_for_url("**/order-received/**")
    return await buyer.order()


def entry_of(order: dict[str, Any]) -> str | None:
    """Return the address that the order has kept."""
    kept = {meta["key"]: meta["value"] for meta in order["meta_data"]}
    return kept.get("_wc_order_attribution_session_entry")


def session_in(entry: str | None) -> list[str]:
    """Return the sessions in an address."""
    return parse_qs(urlsplit(entry or "").query).get("hello_session", [])


@pytest.mark.parametrize("checkout", CHECKOUTS)
async def test_the_order_has_the_clicks_session(buyer: Buyer, checkout: str) -> None:
    """In the visit's first address, as the platform keeps it by itself."""
    page = await buyer.click()
    order = await buy(buyer, page, checkout)
    entry = entry_of(order) or ""
    assert session_in(entry) == [buyer.session]
    assert entry.startswith(buyer.at("/p/1?"))
    assert "utm_source=hellotext" in entry
    assert told_of("woocommerce", order).sessions == (buyer.session,)


@pytest.mark.parametrize("checkout", CHECKOUTS)
async def test_a_visitor_who_comes_back_another_day(buyer: Buyer, checkout: str) -> None:
    """The platform has forgotten the visit, and the script has not."""
    page = await buyer.click()
    await page_works(page)
    await page.context.clear_cookies(name="sbjs_current_add")
    order = await buy(buyer, page, checkout)
    assert entry_of(order) == buyer.at(f"{checkout}?hello_session={buyer.session}")


@pytest.mark.parametrize("checkout", CHECKOUTS)
async def test_a_later_click(buyer: Buyer, checkout: str) -> None:
    """The platform goes on with the first address of the visit; the order has the session of the last click."""
    await buyer.click()
    first = buyer.session
    page = await buyer.click()
    assert buyer.session != first
    assert session_in(entry_of(await buy(buyer, page, checkout))) == [buyer.session]


async def test_the_order_is_told_by_its_key(shop: WooStorefront, buyer: Buyer) -> None:
    """On the page that thanks for it, also where order attribution is off."""
    shop.has_attribution = False
    page = await buyer.click()
    order = await buy(buyer, page, "/checkout/")
    assert order["meta_data"] == []
    said = await buyer.bound()
    assert said == {"session": buyer.session, "source": "woocommerce", "token": order["order_key"]}
    assert said["token"] in told_of("woocommerce", order).tokens
    await page.reload()
    await page_works(page)
    assert len(buyer.bindings) == 1


@pytest.mark.parametrize("checkout", CHECKOUTS)
async def test_the_platforms_consent_goes_first(shop: WooStorefront, buyer: Buyer, checkout: str) -> None:
    """Without it the order keeps nothing of the visit; once it is given, the session too."""
    shop.is_allowed = False
    page = await buyer.click()
    assert (await buy(buyer, page, checkout))["meta_data"] == []
    shop.orders.clear()
    await page.goto(buyer.at(checkout))
    await page.evaluate("() => dispatchEvent(new Event('consent'))")
    await page.click("#place_order")
    await page.wait_for_url("**/order-received/**")
    assert session_in(entry_of(await buyer.order())) == [buyer.session]


@pytest.mark.parametrize("checkout", CHECKOUTS)
async def test_who_opts_out_is_in_no_order(buyer: Buyer, checkout: str) -> None:
    """The address that the platform keeps is without the session then."""
    page = await buyer.click()
    await page.goto(buyer.at(checkout))
    await page.evaluate("() => Clicktrail.optOut()")
    await page.click("#place_order")
    await page.wait_for_url("**/order-received/**")
    order = await buyer.order()
    assert (entry_of(order) or "").startswith(buyer.at("/p/1?utm_source=hellotext"))
    assert buyer.session not in str(order)
    assert buyer.bindings == []


async def test_the_block_is_told_once(buyer: Buyer) -> None:
    """Each telling draws the checkout anew."""
    page = await buyer.click()
    await page.goto(buyer.at("/checkout-block/"))
    await page_works(page)
    before = await page.evaluate("() => dispatched")
    for _ in range(3):
        await page.click("body")
    assert await page.evaluate("() => dispatched") == before


async def test_a_visitor_without_a_link(shop: WooStorefront, visitor: Visitor) -> None:
    """Has a session of their own, which the order has likewise."""
    page = await visitor.open(HOST, "/checkout/")
    session = await page.evaluate("() => Clicktrail.session")
    await page.click("#place_order")
    await page.wait_for_url("**/order-received/**")
    assert session_in(entry_of(shop.orders[0])) == [session]


@pytest.mark.parametrize(
    "broken",
    [
        "wc_order_attribution = {}",
        "wc_order_attribution = {params: {}}",
        "wc_order_attribution.getAttributionData = () => { throw 'broken' }",
        "wc_order_attribution.getAttributionData = () => null",
        "wp = {data: {dispatch() { throw 'broken' }}}",
        "wp = {data: {dispatch: () => ({})}}",
        "wp = 7",
    ],
)
async def test_the_shop_notices_nothing(shop: WooStorefront, buyer: Buyer, broken: str) -> None:
    """Whatever stands where the platform's globals should be: the order is placed, and told by its key."""
    script = f"<script>addEventListener('DOMContentLoaded', () => {{ {broken} }})</script>"
    shop.theme = script
    page = await buyer.click()
    order = await buy(buyer, page, "/checkout/")
    assert (await buyer.bound())["token"] == order["order_key"]
