"""The adapter for Tiendanube, from a click to the order."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser.shop import serving
from tests.browser.storefronts.conftest import Buyer, page_works
from tests.browser.storefronts.tiendanube import TiendanubeStorefront
from tests.browser.storefronts.told import told_of
from tests.support.system import System


@pytest_asyncio.fixture
async def shop(system: System) -> AsyncIterator[TiendanubeStorefront]:
    """Run a shop on Tiendanube."""
    async with serving(TiendanubeStorefront(system.http, system.business)) as shop:
        yield shop


async def test_the_order_has_the_clicks_session(buyer: Buyer) -> None:
    """From a cart that the theme has drawn just now; the page that thanks tells of the order by its token."""
    page = await buyer.click()
    await page.click("#add")
    await page.click("[name=go_to_checkout]")
    order = await buyer.order()
    assert order["extra"] == {"hello_session": buyer.session}
    assert buyer.session in order["landing_url"]
    assert await buyer.bound() == {"session": buyer.session, "source": "tiendanube", "token": order["token"]}
    told = told_of("tiendanube", order)
    assert told.sessions[0] == buyer.session
    assert buyer.bindings[-1]["token"] in told.tokens


async def test_a_form_that_a_script_sends(buyer: Buyer) -> None:
    """On the cart's page the field is there before anything is clicked, once."""
    page = await buyer.click()
    await page.goto(buyer.at("/carrito/"))
    await page.click("body")
    assert await page.locator('[name="extra[hello_session]"]').count() == 1
    await page.evaluate("() => document.querySelector('form').submit()")
    assert (await buyer.order())["extra"] == {"hello_session": buyer.session}


async def test_who_opts_out_is_in_no_order(buyer: Buyer) -> None:
    """The field is emptied."""
    page = await buyer.click()
    await page.goto(buyer.at("/carrito/"))
    await page.evaluate("() => Clicktrail.optOut()")
    await page.click("[name=go_to_checkout]")
    assert (await buyer.order())["extra"] == {"hello_session": ""}
    assert buyer.bindings == []


@pytest.mark.parametrize("theme", ["", "<script>LS = 7</script>", "<script>document.querySelectorAll = 7</script>"])
async def test_the_shop_notices_nothing(shop: TiendanubeStorefront, buyer: Buyer, theme: str) -> None:
    """Whatever its theme has or has not."""
    shop.theme = theme
    page = await buyer.click()
    await page_works(page)
    await page.click("#add")
    await page.click("[name=go_to_checkout]")
    assert buyer.session in (await buyer.order())["landing_url"]
