"""A report of what no link belongs to is 404 and names what there is; of a link made a moment ago there is one."""

import json
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import PHONE, System, client_with
from tests.e2e.test_commands import clicktrail

ENDS = ("report", "report.csv", "report/stream", "recipients.csv")


@pytest_asyncio.fixture
async def shop(system: System) -> Business:
    """Return a business with links of its own alone."""
    return await make_business(system)


@pytest_asyncio.fixture
async def server(system: System, shop: Business) -> AsyncIterator[httpx.AsyncClient]:
    """Return a server of that business, which has two campaigns and a journey."""
    async with client_of(system, shop.token) as client:
        for where in ({"campaign": "spring"}, {"campaign": "winter"}, {"journey": "welcome", "message": "day 1"}):
            made = await client.post("/v1/links", json={"destination": "https://shop.example.com/", **where})
            assert made.status_code == 201, made.text
        yield client


@pytest.mark.parametrize("end", ENDS)
async def test_a_typing_error_is_not_found(server: httpx.AsyncClient, end: str) -> None:
    """In every form, with what there is of that kind, the nearest first, in words and as a list."""
    answer = await server.get(f"/v1/campaigns/sprnig/{end}")
    assert answer.status_code == 404, answer.text
    (fault,) = answer.json()["errors"]
    assert (fault["type"], fault["parameter"], fault["known"]) == ("not_found", "campaign", ["spring", "winter"])
    assert fault["description"] == "No link belongs to campaign sprnig. There are: spring, winter."
    (fault,) = (await server.get(f"/v1/journeys/spring/{end}")).json()["errors"]
    assert (fault["parameter"], fault["known"]) == ("journey", ["welcome"])
    (fault,) = (await server.get(f"/v1/links/nosuch/{end}")).json()["errors"]
    assert fault["parameter"] == "link"
    assert len(fault["known"]) == 3


async def test_a_campaign_has_a_report_as_soon_as_it_has_a_link(server: httpx.AsyncClient) -> None:
    """Of zeros, though the link is still on its way to what tells of it."""
    for _ in range(30):
        name = f"c-{secrets.token_hex(6)}"
        made = await server.post("/v1/links", json={"destination": "https://shop.example.com/", "campaign": name})
        assert made.status_code == 201
        answer = await server.get(f"/v1/campaigns/{name}/report")
        assert (answer.status_code, answer.json().get("totals", {}).get("clicks")) == (200, 0), answer.text
        assert (await server.get(f"/v1/links/{made.json()['id']}/report.csv")).status_code == 200


async def test_no_link_to_a_report_that_there_is_not(server: httpx.AsyncClient) -> None:
    """Is signed."""
    answer = await server.post("/v1/report_links", json={"campaign": "sprnig"})
    assert (answer.status_code, answer.json()["errors"][0]["known"]) == (404, ["spring", "winter"])


async def test_the_page_says_what_there_is(server: httpx.AsyncClient, system: System) -> None:
    """To whoever may see all reports; in no form does a link tell of other reports to others."""
    signature = (await server.post("/v1/report_links", json={})).json()["signature"]
    query = {"signature": signature, "cookies": "off"}
    async with client_with(system, **{"User-Agent": PHONE}) as phone:
        page = await phone.get("/reports/campaigns/sprnig", params=query)
        assert page.status_code == 404
        assert "There is no such campaign" in page.text
        assert "There are: spring, winter." in page.text
        for end in ENDS:
            answer = await phone.get(f"/v1/campaigns/sprnig/{end}", params={"signature": signature})
            told = answer.text if end != "report" else ""
            assert "winter" not in told
            assert answer.status_code == (401 if end == "report" else 404)


def test_the_command_says_what_there_is(system: System, shop: Business, server: httpx.AsyncClient) -> None:
    """By one line, with the exit code of a failure."""
    del server
    where = ["--business", shop.id, "--tracking", system.tracking, "--key-file", str(system.operator_key)]
    for command in ("report", "report-link"):
        ended = clicktrail(command, "--campaign", "sprnig", *where)
        assert ended.returncode == 1
        assert "No link belongs to campaign sprnig. There are: spring, winter." in ended.stderr
    ended = clicktrail("report", "--message", "day 2", "--json", *where)
    assert (ended.returncode, "There are: day 1." in ended.stderr) == (1, True)
    shown = clicktrail("report", "--campaign", "winter", "--json", *where)
    assert json.loads(shown.stdout)["campaign"] == "winter"
