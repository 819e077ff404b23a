"""The adapter for VTEX, from a click to the order."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser.hosts import SESSION, Visitor
from tests.browser.shop import serving
from tests.browser.storefronts.conftest import HOST, Buyer, page_works
from tests.browser.storefronts.told import told_of
from tests.browser.storefronts.vtex import VtexStorefront
from tests.support.system import System
from tests.support.waiting import eventually


@pytest_asyncio.fixture
async def shop(system: System) -> AsyncIterator[VtexStorefront]:
    """Run a shop on VTEX."""
    async with serving(VtexStorefront(system.http, system.business)) as shop:
        yield shop


def puts(shop: VtexStorefront) -> int:
    """Return how often the custom field was written."""
    return len([call for call in shop.asked if call.startswith("PUT ")])


async def test_the_order_has_the_clicks_session(shop: VtexStorefront, buyer: Buyer) -> None:
    """In its custom data; and its order form is told to be the session's. It is written once."""
    page = await buyer.click()
    await page.goto(buyer.at("/checkout/"))
    kept = {"id": "clicktrail", "major": 1, "fields": {"hello_session": buyer.session}}

    async def look() -> object:
        return shop.form["customData"]

    await eventually(look, lambda data: data == {"customApps": [kept]})
    for _ in range(3):
        await page.click("#change")
    await page_works(page)
    await page.click("#pay")
    order = await buyer.order()
    assert order["customData"] == {"customApps": [kept]}
    assert await buyer.bound() == {"session": buyer.session, "source": "vtex", "token": order["orderFormId"]}
    assert puts(shop) == 1
    assert len(buyer.bindings) == 1
    told = told_of("vtex", order)
    assert told.sessions[0] == buyer.session
    assert buyer.bindings[-1]["token"] in told.tokens


async def test_a_field_that_nobody_registered(shop: VtexStorefront, buyer: Buyer) -> None:
    """Is tried once a page; the order form is told to be the session's all the same."""
    shop.is_registered = False
    page = await buyer.click()
    await page.goto(buyer.at("/checkout/"))
    for _ in range(3):
        await page.click("#change")
    await page_works(page)
    await page.click("#pay")
    order = await buyer.order()
    assert (await buyer.bound())["token"] == order["orderFormId"]
    assert puts(shop) == 1


async def test_a_visitor_without_a_link(shop: VtexStorefront, visitor: Visitor) -> None:
    """Has their session in the custom data alone: the order form is kept for the session of a later click."""
    bound: list[str] = []
    visitor.context.on("request", lambda asked: bound.append(asked.url) if "bindings" in asked.url else None)
    page = await visitor.open(HOST, "/checkout/")
    session = await page.evaluate(SESSION)

    async def look() -> str:
        return str(shop.form["customData"])

    await eventually(look, lambda data: session in data)
    await page_works(page)
    assert bound == []


async def test_who_opts_out_is_in_no_order(shop: VtexStorefront, buyer: Buyer) -> None:
    """The field is emptied."""
    page = await buyer.click()
    await page.goto(buyer.at("/checkout/"))

    async def look() -> str:
        return str(shop.form["customData"])

    await eventually(look, lambda data: buyer.session in data)
    await page.click("#change")
    await page.wait_for_function("() => vtexjs.checkout.orderForm.customData")
    await page.evaluate("() => Clicktrail.optOut()")
    await eventually(look, lambda data: buyer.session not in data)


@pytest.mark.parametrize(("failing", "slow"), [("customData", ""), ("", "customData"), ("orderForm", "")])
async def test_the_shop_notices_nothing(shop: VtexStorefront, buyer: Buyer, failing: str, slow: str) -> None:
    """The platform's addresses fail or hang, and most of its pages have no order form at all."""
    shop.failing, shop.slow = failing, slow
    page = await buyer.click()
    await page_works(page)
    await page.goto(buyer.at("/checkout/" if failing != "orderForm" else "/p/2"))
    await page_works(page)
