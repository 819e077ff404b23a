"""Figures by whose word they rest on, over HTTP, as CSV and on the command line."""

import asyncio
import csv
from io import StringIO
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.app import app
from tests.e2e.businesses import client_of, make_business
from tests.e2e.conftest import System
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio


async def command(system: System, *arguments: str) -> str:
    """Run an operator's command on tracking and return what it prints."""
    told = [*arguments, "--tracking", system.tracking, "--key-file", str(system.operator_key)]
    result = await asyncio.to_thread(CliRunner().invoke, app, told)
    assert result.exit_code == 0, result.output
    return result.output


def order(reference: str, amount: str, session: str) -> dict[str, Any]:
    """Return an order of a visitor."""
    parameters = {"reference": reference, "source": "shop"}
    return {"action": "order.placed", "amount": amount, "session": session, "object_parameters": parameters}


async def said(page: httpx.AsyncClient, *orders: dict[str, Any]) -> None:
    """Have a page say orders; it is told that they were received, whatever becomes of them."""
    for one in orders:
        answer = await page.post("/v1/track/events", json=one)
        assert (answer.status_code, answer.json()["status"]) == (200, "received")


def earned(conversions: int, amount: str | None) -> dict[str, Any]:
    """Return conversions and revenue as a report tells them."""
    revenue = [] if amount is None else [{"amount": amount, "currency": "USD"}]
    return {"conversions": conversions, "revenue": revenue}


async def test_what_a_page_says_and_what_the_shop_confirms(system: System) -> None:
    """The page reports, a token confirms; from a time on what pages alone say stands beside the totals."""
    business = await make_business(system)
    async with client_of(system, business.id) as page, client_of(system, business.token) as server:

        async def totals() -> dict[str, Any]:
            found: dict[str, Any] = (await server.get("/v1/report")).json()["totals"]
            return found

        await said(page, order("1", "120", "visitor-1"), order("2", "92233720368547758.07", "visitor-2"))
        parts = {"confirmed": earned(0, None), "reported": earned(1, "120.00"), "unconfirmed": earned(0, None)}
        await eventually(totals, lambda found: parts.items() <= found.items())

        since = await command(system, "business", "update", "--business", business.id, "--confirmed-from", "now")
        assert since.startswith(f"{business.id}: what pages alone tell is unconfirmed from 20")
        await said(page, order("3", "7", "visitor-3"))
        assert (await server.post("/v1/attribution/events", json=order("1", "110", "visitor-1"))).status_code == 200
        parts = {"confirmed": earned(1, "110.00"), "reported": earned(0, None), "unconfirmed": earned(1, "7.00")}
        whole = earned(1, "110.00")
        found = await eventually(totals, lambda found: (parts | whole).items() <= found.items())
        point = (await server.get("/v1/report")).json()["series"][-1]
        assert {name: point[name] for name in parts} == parts == {name: found[name] for name in parts}

        rows = list(csv.DictReader(StringIO((await server.get("/v1/report.csv")).text.removeprefix("\ufeff"))))
        told = {row["figure"]: row["value"] for row in rows if row["section"] == "totals"}
        assert told["confirmed_revenue"] == told["revenue"] == "110.00"
        assert (told["reported_conversions"], told["unconfirmed_conversions"]) == ("0", "1")
        assert (told["unconfirmed_revenue"], "reported_revenue" in told) == ("7.00", False)
    shown = " ".join((await command(system, "report", "--business", business.id)).split())
    assert "1: 110.00 USD" in shown
    assert "1: 7.00 USD" in shown


async def test_an_operator_sets_what_pages_are_believed(system: System) -> None:
    """One or several settings at once; a command that sets none is told so."""
    business = await make_business(system)
    options = ("--business", business.id, "--page-amount-ceiling", "500", "--confirmed-from", "never")
    assert await command(system, "business", "update", *options) == (
        f"{business.id}: what pages alone tell counts as reported\n"
        f"{business.id}: pages are believed up to 500 of any currency\n"
    )
    result = await asyncio.to_thread(CliRunner().invoke, app, ["business", "update", "--business", business.id])
    assert "give any of --rate-factor, --confirmed-from, --page-amount-ceiling" in str(result.exception)
