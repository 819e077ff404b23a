"""Reports, live, through the whole system."""

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.e2e.conftest import System, client_with


async def reports_of(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield the reports of a stream."""
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def test_a_click_is_told(private: httpx.AsyncClient, phone: httpx.AsyncClient, system: System) -> None:
    """To whoever has the signature of a report link, in the form of the report itself."""
    campaign = f"c-{secrets.token_hex(6)}"
    made = await private.post(
        "/v1/links", json={"destination": "https://shop.example.com/", "campaign": campaign, "profile": "p-1"}
    )
    signature = (await private.post("/v1/report_links", json={"campaign": campaign})).json()["signature"]
    async with (
        client_with(system) as browser,
        browser.stream(
            "GET",
            f"/v1/campaigns/{campaign}/report/stream",
            params={"signature": signature, "timezone": "Asia/Kolkata", "basis": "event"},
        ) as response,
    ):
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        reports = reports_of(response)
        first = await anext(reports)
        assert (first["campaign"], first["timezone"], first["totals"]["clicks"]) == (campaign, "Asia/Kolkata", 0)
        assert (await phone.get(f"/{made.json()['code']}")).status_code == 302
        told = [first["totals"]["clicks"]]
        async for report in reports:
            told.append(report["totals"]["clicks"])
            if told[-1]:
                break
        assert told[-1] == 1
    asked = await private.get(f"/v1/campaigns/{campaign}/report", params={"timezone": "Asia/Kolkata"})
    assert asked.json()["totals"] == report["totals"]


async def test_the_whole_business_may_be_watched(private: httpx.AsyncClient) -> None:
    """With a private token; what is wrong is told with its status."""
    async with private.stream("GET", "/v1/report/stream") as response:
        assert (await anext(reports_of(response)))["totals"]["recipients"] >= 0
    wrong = await private.get("/v1/report/stream", params={"timezone": "Mars/Olympus"})
    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "timezone")
    late = await private.get("/v1/report/stream", params={"from": "2026-05-04T03:02:00Z"})
    assert (late.status_code, late.json()["errors"][0]["parameter"]) == (422, "from")
