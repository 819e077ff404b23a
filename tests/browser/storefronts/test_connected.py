"""From a click in a browser to the order in the report: the page's script and the platform's webhooks together."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.browser.shop import serving
from tests.browser.storefronts.conftest import Buyer
from tests.browser.storefronts.shopify import ShopifyStorefront
from tests.browser.storefronts.storefront import Storefront
from tests.browser.storefronts.told import RECORDED
from tests.browser.storefronts.woocommerce import WooStorefront
from tests.support.connection import Connection, dated
from tests.support.system import System
from tests.support.tracking_service.platform_deliveries import payload
from tests.support.waiting import eventually

STOREFRONTS: dict[str, type[Storefront]] = {"shopify": ShopifyStorefront, "woocommerce": WooStorefront}


@pytest_asyncio.fixture
async def shop(system: System, request: pytest.FixtureRequest) -> AsyncIterator[Storefront]:
    """Run a shop on the platform that the test is for."""
    async with serving(STOREFRONTS[request.param](system.http, system.business)) as shop:
        yield shop


async def ordered(buyer: Buyer, platform: str) -> dict[str, Any]:
    """Click, buy, and return the order as its platform tells of it."""
    page = await buyer.click()
    if platform == "woocommerce":
        await page.goto(buyer.at("/checkout/"))
        await page.click("#place_order")
    else:
        await page.click("#add")
        await page.wait_for_load_state("networkidle")
        await page.click("#checkout")
    recorded: dict[str, Any] = json.loads(payload(RECORDED[platform]))
    return recorded | await buyer.order()


def refund_of(platform: str, order: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return what is told of a refund of 20.00, and its topic."""
    if platform == "woocommerce":
        return order | {"refunds": [{"id": 5044, "reason": "", "total": "-20.00"}]}, "order.updated"
    told = dated(json.loads(payload("shopify/refunds-create.json")), "created_at", "processed_at")
    (transaction,) = told["transactions"]
    paid = transaction | {"amount": "20.00", "currency": order["currency"], "order_id": order["id"]}
    return told | {"order_id": order["id"], "transactions": [paid]}, "refunds/create"


# Of each platform the topic of a new order, and the fields of its amount and of its times.
TOLD = {
    "shopify": ("orders/create", "total_price", ("created_at", "processed_at")),
    "woocommerce": ("order.created", "total", ("date_created_gmt", "date_paid_gmt", "date_modified_gmt")),
}


@pytest.mark.parametrize(("shop", "platform"), [(name, name) for name in TOLD], indirect=["shop"], ids=TOLD)
async def test_an_order_and_its_refund_are_the_campaigns(
    system: System, private: httpx.AsyncClient, buyer: Buyer, platform: str
) -> None:
    """To the cent, however the webhooks come; and they are among the recipient's activities."""
    topic, amount, times = TOLD[platform]
    connection = await Connection.make(system, private, platform)
    order = dated(await ordered(buyer, platform), *times)
    await connection.send_disordered((order, topic), refund_of(platform, order))
    left = [{"amount": f"{float(order[amount]) - 20:.2f}", "currency": order["currency"]}]
    report = await eventually(buyer.visit.report, lambda seen: seen["totals"]["revenue"] == left)
    assert report["totals"]["conversions"] == 1

    async def actions() -> set[str]:
        return {each["action"] for each in await buyer.visit.activities()}

    await eventually(actions, lambda seen: seen >= {"short_link.clicked", "order.placed", "refund.received"})
