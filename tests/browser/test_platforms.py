"""What the documentation has shops paste on their platforms, as it stands there, in a browser."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import OpenVisit
from tests.browser.shop import Shop
from tests.browser.visits import Visit
from tests.support.waiting import eventually

DOCUMENT = Path(__file__).parents[2] / "docs" / "platforms.md"
PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
# What WordPress and WooCommerce bring of what the recipe calls.
WORDPRESS = """<?php
$hooks = [];
function add_action($name, $hook) { global $hooks; $hooks[$name] = $hook; }
function wp_json_encode($value, $flags = 0) { return json_encode($value, $flags); }
class Order { function get_total() { return '59.90'; } function get_currency() { return 'USD'; } }
function wc_get_order($id) { return new Order(); }
%s
$hooks['wp_head']();
$hooks['woocommerce_thankyou'](1001);
"""
# What Shopify brings: a frame without an origin, which is told of the customer's events and of the shop's cookies.
PIXEL = """
const subscribed = {};
const analytics = { subscribe: (name, handler) => { subscribed[name] = handler; } };
const browser = { cookie: { get: async name => new RegExp(`(?:^|; )${name}=([^;]*)`).exec(COOKIES)?.[1] } };
%s
subscribed.checkout_completed({
  id: 'sh-' + Math.random(),
  data: {
    checkout: { token: 'checkout-TOKEN', order: { id: '1001' }, totalPrice: { amount: 59.9, currencyCode: 'USD' } },
  },
});
"""
IN_A_FRAME = """program => {
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts';
    frame.srcdoc = `<script>const COOKIES = ${JSON.stringify(document.cookie)};${program}</script>`;
    document.body.append(frame);
}"""
SALE = json.dumps({"transaction_id": 1001, "value": 59.9, "currency": "USD"})


def recipes(shop: Shop, platform: str, language: str) -> list[str]:
    """Return the programs in a language that stand below the heading of a platform."""
    section = DOCUMENT.read_text("utf-8").partition(f"## {platform}")[2].partition("\n## ")[0]
    found = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found, platform
    return [text.replace("https://YOUR-GATEWAY", shop.gateway).replace("BUSINESS_ID", shop.business) for text in found]


async def sold(visit: Visit) -> None:
    """Wait until the click's campaign has the order, once."""

    async def look() -> tuple[int, list[dict[str, str]]]:
        totals = (await visit.report())["totals"]
        return totals["conversions"], totals["revenue"]

    found = await eventually(look, lambda seen: seen[0] > 0)
    assert found == (1, [{"amount": "59.90", "currency": "USD"}])


async def buy(visit: Visit, page: str) -> None:
    """Click, and find the page that thanks for the order at once; then load it again."""
    visit.shop.pages["/p/1"] = PAGE + page
    opened = await visit.click()
    await opened.wait_for_function("() => window.Clicktrail?.isInitialized")
    await sold(visit)
    await opened.reload()
    await opened.wait_for_function("() => window.Clicktrail?.isInitialized")
    del visit.shop.pages["/p/1"]
    await sold(visit)


async def test_a_plain_page(visit: OpenVisit) -> None:
    """With the snippet above it."""
    arrived = await visit()
    (order,) = recipes(arrived.shop, "A plain page", "html")
    await buy(arrived, arrived.shop.snippet + arrived.shop.script("c.js", "async") + unique(order, arrived))


def written_by_php(program: str) -> str:
    """Return what a program writes."""
    ended = subprocess.run(
        ["php"],  # noqa: S607  (whichever is installed)
        input=program,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout


@pytest.mark.skipif(not shutil.which("php"), reason="there is no php")
async def test_wordpress(visit: OpenVisit) -> None:
    """What PHP makes of the recipe is what the page has."""
    arrived = await visit()
    (recipe,) = recipes(arrived.shop, "WordPress and WooCommerce", "php")
    made = await asyncio.to_thread(written_by_php, WORDPRESS % unique(recipe, arrived))
    await buy(arrived, made)


async def test_a_custom_pixel_of_shopify(visit: OpenVisit) -> None:
    """In a sandboxed frame, with the cookie that the shop's page has."""
    arrived = await visit()
    (recipe,) = recipes(arrived.shop, "Shopify", "js")
    page = await arrived.click()
    await page.wait_for_function("() => document.cookie.includes('hello_session=')")
    await page.evaluate(IN_A_FRAME, PIXEL % unique(recipe, arrived))
    await sold(arrived)


async def test_a_custom_pixel_of_a_connected_shop(visit: OpenVisit) -> None:
    """It says no more than whose the checkout is."""
    arrived = await visit()
    (recipe,) = recipes(arrived.shop, "Connected shops", "js")
    page = await arrived.click()
    await page.wait_for_function("() => document.cookie.includes('hello_session=')")
    async with page.expect_request(lambda request: request.url.endswith("/bindings")) as asked:
        await page.evaluate(IN_A_FRAME, PIXEL % recipe)
    request = await asked.value
    response = await request.response()
    assert response is not None
    assert response.status == 200
    session = httpx.URL(arrived.landed_at).params["hello_session"]
    assert request.post_data_json == {"session": session, "source": "shopify", "token": "checkout-TOKEN"}


async def test_a_tag_manager(visit: OpenVisit) -> None:
    """Which puts the value of its variable in, and its tags into the page's body."""
    arrived = await visit()
    everywhere, purchase = recipes(arrived.shop, "Google Tag Manager", "html")
    await buy(arrived, everywhere + unique(purchase.replace("{{ecommerce}}", SALE), arrived))


def unique(recipe: str, visit: Visit) -> str:
    """Return a recipe whose order is one of this visit's alone: its source is."""
    changed = re.sub(r"(source'?(?::| =>) )'(\w+)'", rf"\1'\2-{visit.profile}'", recipe)
    assert changed != recipe
    return changed
