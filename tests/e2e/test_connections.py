"""A shop of WooCommerce that is connected by the command, from its campaign's link to its orders in the report."""

import json
import subprocess
import sys
from decimal import Decimal
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
from tests.support.platforms.connections import Connection, dated
from tests.support.platforms.deliveries import payload

CREATED = json.loads(payload("woocommerce/order-created.json"))
REFUNDED = json.loads(payload("woocommerce/order-updated-refunded.json"))
PAID = json.loads(payload("stripe/checkout-session-completed.json"))
REPAID = json.loads(payload("stripe/refund-created.json"))


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

    def given(self, said: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one with a standard input, and no terminal to ask on."""
        command = [sys.executable, "-m", "cli", "connection", *arguments, *self._options]
        return subprocess.run(  # noqa: S603  (our own command)
            command, input=said, capture_output=True, text=True, check=False, start_new_session=True
        )

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


async def clicked(phone: httpx.AsyncClient, link: dict[str, Any], name: str = "hellotext_session") -> str:
    """Click a link, and return the session in the address that it leads to."""
    click = await phone.get(link["short_url"])
    (session,) = parse_qs(urlsplit(click.headers["location"]).query)[name]
    return session


async def test_a_shop_is_connected_and_its_orders_come(
    system: System, shop: Business, commands: Commands, phone: httpx.AsyncClient
) -> None:
    """Out of order, twice, and with a wrong signature between: each order and refund once, to the cent."""
    made = json.loads(commands.run("add", "woocommerce", "--name", "The shop", "--json"))
    platform = Connection(system, made, made["secret"])
    async with client_of(system, shop.token) as server:
        link = await make_link(server, profile="ana")
        landed = f"https://shop.example/?hellotext_session={await clicked(phone, link)}"
        kept = {"meta_data": [{"key": "_wc_order_attribution_session_entry", "value": landed}]}
        names = ("date_created_gmt", "date_paid_gmt", "date_modified_gmt", "date_completed_gmt")
        created, refunded = (dated(order, *names) | kept for order in (CREATED, REFUNDED))
        await platform.send_disordered((created, "order.created"), (refunded, "order.updated"))
        report = await report_when(server, link["campaign"], conversions=1)
        assert report["totals"]["revenue"] == [{"amount": "30.00", "currency": "USD"}]
        actions = {each["action"] for each in await activities_when(server, "ana", 5)}
        assert {"order.placed", "order.confirmed", "refund.received"} <= actions
    told = json.loads(commands.run("deliveries", made["id"], "--json"))["deliveries"]
    assert [each["outcome"] for each in told] == ["duplicate", "duplicate", "duplicate", "recorded"]
    shown = json.loads(commands.run("show", made["id"], "--json"))
    assert (shown["deliveries"], shown["refused"], shown["enabled"], shown.get("secret")) == (4, 2, True, None)


async def test_a_payment_link_of_stripe(system: System, shop: Business, phone: httpx.AsyncClient) -> None:
    """It needs no shop: the session is in the payment, whose secret comes after the connection's address."""
    async with client_of(system, shop.token) as server:
        made = (await server.post("/v1/connections", json={"platform": "stripe"})).json()
        stripe = Connection(system, made, "whsec_invented")
        assert (made["enabled"], await stripe.send(PAID)) == (False, 401)
        changed = await server.patch(f"/v1/connections/{made['id']}", json={"secret": stripe.secret})
        assert changed.json()["enabled"] is True
        fields = {"destination": "https://buy.stripe.com/invented", "session_parameters": ["client_reference_id"]}
        link = await make_link(server, profile="bea", **fields)
        session = await clicked(phone, link, "client_reference_id")
        at = int(now().timestamp())
        checkout = PAID["data"]["object"] | {"client_reference_id": session, "created": at}
        paid = PAID | {"created": at, "data": {"object": checkout}}
        repaid = REPAID | {"created": at, "data": {"object": REPAID["data"]["object"] | {"created": at}}}
        await stripe.send_disordered((paid, ""), (repaid, ""))
        report = await report_when(server, link["campaign"], conversions=1)
        left = Decimal(checkout["amount_total"] - REPAID["data"]["object"]["amount"]) / 100
        assert report["totals"]["revenue"] == [{"amount": f"{left:.2f}", "currency": checkout["currency"].upper()}]
        actions = [each["action"] for each in await activities_when(server, "bea", 4)]
        assert sorted(actions) == ["order.confirmed", "order.placed", "refund.received", "short_link.clicked"]


async def test_a_connection_is_looked_after(system: System, commands: Commands, tmp_path: Path) -> None:
    """Listed, shown, given another secret, switched off and on, read again, removed."""
    assert "No shop is connected" in commands.run("list")
    made = json.loads(commands.run("add", "woocommerce", "--source", "woo", "--json"))
    identifier, platform = made["id"], Connection(system, made, made["secret"])
    assert await platform.send(CREATED, "order.created") == 200
    for said in (commands.run("list"), commands.run("show", identifier), commands.run("deliveries", identifier)):
        assert made["secret"] not in said
    assert all(text in commands.run("list") for text in (identifier, "woocommerce", "woo", "enabled"))
    new = commands.run("rotate", identifier).split("secret ")[-1].split()[-1]
    assert await platform.send(REFUNDED, "order.updated", new) == 200
    assert await platform.send(REFUNDED, "order.updated") == 200
    given = tmp_path / "secret"
    given.write_text("of-our-own\n")
    newest, others = (commands.run("deliveries", identifier, "--limit", "1"), ["--limit", "1", "--json", "--after"])
    newest_id = newest.split("--after ")[-1].strip()
    (older,) = json.loads(commands.run("deliveries", identifier, *others, newest_id))["deliveries"]
    (oldest,) = json.loads(commands.run("deliveries", identifier, *others, older["id"]))["deliveries"]
    assert len({newest_id, older["id"], oldest["id"]}) == 3
    commands.run("rotate", identifier, "--secret-file", str(given))
    assert await platform.send(REFUNDED, "order.updated", "of-our-own") == 200
    assert "4 deliveries are read again" in commands.run("replay", "--from", "2026-01-01")
    assert "disabled" in commands.run("disable", identifier)
    assert await platform.send(REFUNDED, "order.updated", "of-our-own") == 404
    assert "enabled" in commands.run("enable", identifier)
    assert await platform.send(REFUNDED, "order.updated", "of-our-own") == 200
    assert "removed" in commands.run("remove", identifier)
    assert await platform.send(REFUNDED, "order.updated", "of-our-own") == 404
    assert "There is no such connection" in commands.failed("show", identifier)


async def test_a_platforms_secret_comes_after_the_address(system: System, commands: Commands) -> None:
    """From standard input; where there is neither a file nor anybody to ask, the connection goes on waiting."""
    made = json.loads(commands.run("add", "stripe", "--json"))
    stripe = Connection(system, made, "whsec_invented")
    assert await stripe.send(PAID) == 401
    nobody = commands.given("", "rotate", made["id"])
    assert nobody.returncode != 0
    assert "Traceback" not in nobody.stderr
    assert "It waits for its secret" in commands.run("show", made["id"])
    told = commands.given("whsec_invented\n", "rotate", made["id"], "--secret-file", "-")
    assert told.returncode == 0, told.stderr
    assert "whsec_invented" not in told.stdout + told.stderr
    assert await stripe.send(PAID) == 200


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
