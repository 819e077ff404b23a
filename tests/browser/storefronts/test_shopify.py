"""The adapter for Shopify, from a click to the order."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.hosts import SESSION, Visitor
from tests.browser.shop import serving
from tests.browser.storefronts.conftest import HOST, Buyer, page_works
from tests.browser.storefronts.shopify import ShopifyStorefront
from tests.browser.storefronts.told import told_of
from tests.support.system import System
from tests.support.waiting import eventually

UPDATE = "POST /cart/update.js"
# What themes do with the cart's attributes by the platform's own actions, and what they tell of it.
REPLACE = """async () => {
  const body = JSON.stringify({attributes: {hello_session: '', gift: 'yes'}});
  const promise = fetch('/cart/update.js', {method: 'POST', body});
  const event = new Event('shopify:cart:attributes-update', {bubbles: true});
  document.dispatchEvent(Object.assign(event, {attributes: [{key: 'gift', value: 'yes'}], promise}));
  await promise;
}"""

BLOCKED = """<script>Shopify = {routes: {root: '/'}}; (asked => {
  fetch = (to, how) => { if (`${to}`.includes('update.js')) throw 'blocked'; return asked(to, how) };
})(fetch)</script>"""


@pytest_asyncio.fixture
async def shop(system: System) -> AsyncIterator[ShopifyStorefront]:
    """Run a shop on Shopify."""
    async with serving(ShopifyStorefront(system.http, system.business)) as shop:
        yield shop


async def cart_with(shop: ShopifyStorefront, attributes: dict[str, str]) -> dict[str, Any]:
    """Return the cart that has something in it, once these are its attributes."""

    async def look() -> list[dict[str, Any]]:
        return [cart for cart in shop.carts.values() if cart["items"] and cart["attributes"] == attributes]

    return (await eventually(look, bool))[0]


async def test_the_order_has_the_clicks_session(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """By way of the cart; the cart is told to be the session's, without the key to it."""
    page = await buyer.click()
    await page.click("#add")
    cart = await cart_with(shop, {"hello_session": buyer.session})
    await page.click("#checkout")
    order = await buyer.order()
    assert order["note_attributes"] == [{"name": "hello_session", "value": buyer.session}]
    assert buyer.session in order["landing_site"]
    assert order["cart_token"] == cart["token"].partition("?")[0]

    async def bindings_of_the_cart() -> list[Any]:
        return [said for said in buyer.bindings if said["token"] == order["cart_token"]]

    (said,) = await eventually(bindings_of_the_cart, bool)
    assert said == {"session": buyer.session, "source": "shopify", "token": order["cart_token"]}
    assert "secret" not in str(buyer.bindings)
    told = told_of("shopify", order)
    assert told.sessions[0] == buyer.session
    assert buyer.bindings[-1]["token"] in told.tokens


async def test_the_cart_of_a_drawer(shop: ShopifyStorefront, visitor: Visitor) -> None:
    """It is made by a call of the theme, and no sooner: who only looks has no cart."""
    page = await visitor.open(HOST)
    session = await page.evaluate(SESSION)
    await page_works(page)
    await page.click("#drawer")
    await cart_with(shop, {"hello_session": session})
    assert [call for call in shop.asked if "/cart" in call] == ["POST /cart/add.js", UPDATE]


@pytest.mark.parametrize("button", ["#drawer", "#add"])
async def test_a_cart_whose_cookie_is_hidden(shop: ShopifyStorefront, visitor: Visitor, button: str) -> None:
    """The calls of the theme, and the cart's own page, tell of it."""
    shop.is_hidden = True
    page = await visitor.open(HOST)
    session = await page.evaluate(SESSION)
    await page.click(button)
    await cart_with(shop, {"hello_session": session})


async def test_a_cart_is_written_into_once(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """Not on each page, nor with each product; the cart of the next order is written into again."""
    page = await buyer.click()
    await page.click("#add")
    await cart_with(shop, {"hello_session": buyer.session})
    await page.click("#drawer")
    await page.goto(buyer.at("/"))
    await page_works(page)
    assert shop.asked.count(UPDATE) == 1
    await page.click("#checkout")
    await page.goto(buyer.at("/"))
    await page.click("#add")
    await cart_with(shop, {"hello_session": buyer.session})
    await page.click("#checkout")

    async def look() -> int:
        return len(shop.orders)

    await eventually(look, lambda count: count == 2)
    kept = [{"name": "hello_session", "value": buyer.session}]
    assert [order["note_attributes"] for order in shop.orders] == [kept, kept]


async def test_a_theme_that_replaces_all_attributes(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """The session comes back beside what the theme has set."""
    page = await buyer.click()
    await page.click("#add")
    await cart_with(shop, {"hello_session": buyer.session})
    await page.evaluate(REPLACE)
    await cart_with(shop, {"hello_session": buyer.session, "gift": "yes"})


async def test_the_address_keeps_the_session_until_the_cart_has_it(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """The platform's own scripts may read it there until then."""
    shop.slow = "update.js"
    page = await buyer.click()
    await page.click("#drawer")
    await page_works(page)
    assert buyer.session in page.url
    shop.go_on.set()
    await page.wait_for_url(lambda url: "hello_session" not in url)


async def test_who_opts_out_is_taken_out_of_the_cart(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """And stays out; nothing is kept in the browser."""
    page = await buyer.click()
    await page.click("#add")
    await cart_with(shop, {"hello_session": buyer.session})
    await page.evaluate("() => Clicktrail.optOut()")
    await cart_with(shop, {})
    await page.click("#drawer")
    await page.goto(buyer.at("/"))
    await page.click("#checkout")
    assert (await buyer.order())["note_attributes"] == []
    await page.goto(buyer.at("/"))
    assert buyer.session not in await page.evaluate("() => JSON.stringify(localStorage)")


async def test_another_source(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """A second shop's connection has a name of its own, which its pages say."""
    shop.options = "{source: 'shopify-ar'}"
    page = await buyer.click()
    await page.click("#drawer")
    assert (await buyer.bound())["source"] == "shopify-ar"


async def test_globals_that_come_late(shop: ShopifyStorefront, buyer: Buyer) -> None:
    """The script may be there before the platform's own: the next occasion finds them."""
    shop.theme = ""
    page = await buyer.click()
    await page.click("#add")
    await page_works(page)
    assert UPDATE not in shop.asked
    await page.evaluate("() => { Shopify = {routes: {root: '/'}} }")
    await page.click("body", position={"x": 1, "y": 1})
    await cart_with(shop, {"hello_session": buyer.session})


@pytest.mark.parametrize(
    ("failing", "slow", "theme"),
    [
        ("update.js", "", None),
        ("", "update.js", None),
        ("", "", ""),
        ("", "", "<script>Shopify = {}</script>"),
        ("", "", "<script>Shopify = 7; performance.getEntries = null</script>"),
        ("", "", BLOCKED),
    ],
)
async def test_the_shop_notices_nothing(
    shop: ShopifyStorefront, buyer: Buyer, failing: str, slow: str, theme: str | None
) -> None:
    """The cart's address fails or hangs, the platform's globals are missing: the visitor buys all the same."""
    shop.failing, shop.slow, shop.theme = failing, slow, theme
    page = await buyer.click()
    await page.click("#drawer")
    await page.click("#add")
    await page.click("#checkout")
    assert buyer.session in (await buyer.order())["landing_site"]
