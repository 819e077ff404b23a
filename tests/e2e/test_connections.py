"""A shop of WooCommerce that is connected by the command, from its campaign's link to its orders in the report."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from common.clock import now
from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import System
from tests.e2e.test_commands import clicktrail
from tests.e2e.test_trail import activities_when, make_link, report_when
from tests.support.tracking_service.platform_deliveries import payload
from tests.support.tracking_service.platform_signatures import signed

CREATED = json.loads(payload("woocommerce/order-created.json"))
REFUNDED = json.loads(payload("woocommerce/order-updated-refunded.json"))


@pytest_asyncio.fixture
async def shop(system: System) -> Business:
    """Make a business of this test's own."""
    return await make_business(system, currency=CREATED["currency"])


class Commands:
    """`clicktrail connection` for a business."""

    def __init__(self, system: System, shop: Business) -> None:
        self._options = [
            "--business", shop.id, "--tracking", system.tracking, "--key-file", str(system.operator_key)
        ]  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Run one, which must succeed, and return what it says."""
        done = clicktrail("connection", *arguments, *self._options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def failed(self, *arguments: str) -> str:
        """Run one, which must fail in one line, and return that."""
        done = clicktrail("connection", *arguments, *self._options)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def commands(system: System, shop: Business) -> Commands:
    """Return the commands for the business."""
    return Commands(system, shop)


class Platform:
    """Sends what WooCommerce sends to a connection."""

    def __init__(self, client: httpx.AsyncClient, made: dict[str, Any]) -> None:
        self._client = client
        self._path = urlsplit(made["hook_url"]).path
        self.secret = made.get("secret") or ""

    async def send(self, order: dict[str, Any], secret: str = "") -> int:
        """Send an order, and return the status of the answer."""
        body = json.dumps(order).encode()
        headers = signed("woocommerce", body, secret or self.secret, "order.updated")
        return (await self._client.post(self._path, content=body, headers=headers)).status_code


def ordered_now(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order of this moment."""
    at = f"{now():%Y-%m-%dT%H:%M:%S}"
    return order | {name: at for name, value in order.items() if name.endswith("_gmt") and value}


async def test_a_shop_is_connected_and_its_orders_come(
    system: System, shop: Business, commands: Commands, phone: httpx.AsyncClient
) -> None:
    """Out of order, twice, and with a wrong signature between: each order and refund once, to the cent."""
    made = json.loads(commands.run("add", "woocommerce", "--name", "The shop", "--json"))
    async with client_of(system, shop.token) as server:
        link = await make_link(server, profile="ana")
        click = await phone.get(link["short_url"])
        (session,) = parse_qs(urlsplit(click.headers["location"]).query)["hellotext_session"]
        platform = Platform(phone, made)
        landed = {
            "key": "_wc_order_attribution_session_entry",
            "value": f"https://shop.example/?hellotext_session={session}",
        }
        created, refunded = (ordered_now(order) | {"meta_data": [landed]} for order in (CREATED, REFUNDED))
        assert await platform.send(refunded) == 200
        assert await platform.send(created, "another secret") == 401
        assert await platform.send(created) == 200
        assert await platform.send(refunded) == 200
        total, back = created["total"], sum(float(refund["total"]) for refund in refunded["refunds"])
        report = await report_when(server, link["campaign"], conversions=1)
        assert report["totals"]["revenue"] == [
            {"amount": f"{float(total) + back:.2f}", "currency": created["currency"]}
        ]
        actions = {each["action"] for each in await activities_when(server, "ana", 5)}
        assert {"order.placed", "order.confirmed", "refund.received"} <= actions
    told = json.loads(commands.run("deliveries", made["id"], "--json"))["deliveries"]
    assert [each["outcome"] for each in told] == ["duplicate", "duplicate", "recorded"]
    shown = json.loads(commands.run("show", made["id"], "--json"))
    assert (shown["deliveries"], shown["refused"], shown["enabled"], shown.get("secret")) == (3, 1, True, None)


async def test_a_connection_is_looked_after(commands: Commands, phone: httpx.AsyncClient, tmp_path: Path) -> None:
    """Listed, shown, given another secret, switched off and on, read again, removed."""
    assert "No shop is connected" in commands.run("list")
    made = json.loads(commands.run("add", "woocommerce", "--source", "woo", "--json"))
    identifier, platform = made["id"], Platform(phone, made)
    assert await platform.send(CREATED) == 200
    for said in (commands.run("list"), commands.run("show", identifier), commands.run("deliveries", identifier)):
        assert made["secret"] not in said
    assert all(text in commands.run("list") for text in (identifier, "woocommerce", "woo", "enabled"))
    new = commands.run("rotate", identifier).split("secret ")[-1].split()[-1]
    assert await platform.send(REFUNDED, new) == 200
    assert await platform.send(REFUNDED) == 200
    given = tmp_path / "secret"
    given.write_text("of-our-own\n")
    commands.run("rotate", identifier, "--secret-file", str(given))
    assert await platform.send(REFUNDED, "of-our-own") == 200
    assert "4 deliveries are read again" in commands.run("replay", "--from", "2026-01-01")
    assert "disabled" in commands.run("disable", identifier)
    assert await platform.send(REFUNDED, "of-our-own") == 404
    assert "enabled" in commands.run("enable", identifier)
    assert await platform.send(REFUNDED, "of-our-own") == 200
    assert "removed" in commands.run("remove", identifier)
    assert await platform.send(REFUNDED, "of-our-own") == 404
    assert "There is no such connection" in commands.failed("show", identifier)


def test_what_is_wrong_is_said_in_a_line(commands: Commands, tmp_path: Path) -> None:
    """With the field, and what there is instead."""
    assert "woocommerce" in commands.failed("add", "magento")
    assert "mapping" in commands.failed("add", "generic")
    assert "cannot be read" in commands.failed("add", "generic", "--mapping", str(tmp_path / "none.json"))
    empty = tmp_path / "empty"
    empty.touch()
    assert "has no secret in it" in commands.failed("add", "stripe", "--secret-file", str(empty))
    assert "no time" in commands.failed("replay", "--from", "soon")
    assert "There is no such connection" in commands.failed("remove", "0" * 32)
    waiting = commands.run("add", "stripe")
    assert "secret" not in waiting.replace("shows the secret", "")
    assert "It waits for its secret" in commands.run("list")
