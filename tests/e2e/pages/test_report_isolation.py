"""Reports tell nobody but their own business, and whatever stands in them runs nowhere."""

import csv
import secrets
from collections.abc import Iterable
from io import StringIO
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import PHONE, System, client_with
from tests.e2e.pages.test_stream import reports_of
from tests.support.waiting import eventually

NAME = "<script>alert('the name')</script>"
AMOUNT = "1234.56"
# What must stand nowhere in a page as it was sent.
LIVE = ("<script>alert", "<img src=x", "onerror=alert(1)>", "javascript:", "<b>")


@pytest.fixture
def campaign() -> str:
    """Return a campaign's id with everything that means something to HTML, addresses and spreadsheets."""
    return f"=e\"'><img src=x onerror=alert(1)>/é日本 \u202eabc;%2F?&#{secrets.token_hex(4)}"


async def happened(system: System, shop: Business, campaign: str) -> str:
    """Let a person click and buy, all of it with texts that would do harm, and return the link's id."""
    async with client_of(system, shop.token) as server:
        link = {"destination": "https://shop.example.com/?x=<script>alert(2)</script>", "campaign": campaign}
        made = await server.post("/v1/links", json=link | {"profile": "p-secret"})
        assert made.status_code == 201, made.text
        agent = {"User-Agent": f"{PHONE} <script>alert(4)</script>", "Referer": 'https://a.example"><script>alert(5)'}
        async with client_with(system, **agent) as phone:
            answer = await phone.get(f"/{made.json()['code']}")
        (session,) = parse_qs(urlsplit(answer.headers["location"]).query)["hello_session"]
        ordered = {"reference": "<b>", "name": "<script>alert(6)</script>"}
        sent = {"action": "order.placed", "session": session, "amount": AMOUNT, "object_parameters": ordered}
        await server.post("/v1/attribution/events", json={**sent, "url": "javascript:alert(1)"})
        path = f"/v1/campaigns/{quote(campaign, safe='')}/report"

        async def conversions() -> int:
            found: int = (await server.get(path)).json()["totals"]["conversions"]
            return found

        await eventually(conversions, lambda count: count == 1)
        named = await server.patch("/v1/profiles/p-secret", json={"name": NAME})
        assert named.status_code == 200, named.text
    link_id: str = made.json()["id"]
    return link_id


def paths(campaign: str, link: str) -> Iterable[str]:
    """Yield every path that tells something of a campaign or a link, or of the whole business."""
    name = quote(campaign, safe="")
    for of in (f"/v1/campaigns/{name}", f"/v1/links/{link}", "/v1"):
        yield f"{of}/report"
        yield f"{of}/report.csv"
    yield f"/v1/campaigns/{name}/recipients.csv"
    yield f"/v1/links/{link}/recipients.csv"
    yield f"/reports/campaigns/{name}"
    yield "/reports"
    yield "/v1/profiles/p-secret/activities"
    yield "/v1/links"


async def test_no_route_tells_another_business(system: System, campaign: str) -> None:
    """Neither its token nor its signature, nor one that was pieced together, nor none at all."""
    shop, other = await make_business(system), await make_business(system)
    link = await happened(system, shop, campaign)
    async with client_of(system, shop.token) as mine, client_of(system, other.token) as theirs:
        signature = (await mine.post("/v1/report_links", json={})).json()["signature"]
        await theirs.post("/v1/links", json={"destination": "https://other.example.com/", "campaign": campaign})
        foreign = (await theirs.post("/v1/report_links", json={"campaign": campaign})).json()["signature"]
        pieced = ".".join([foreign.split(".")[0], shop.id, foreign.split(".")[2]])
        async with client_with(system) as anyone:
            anyone.follow_redirects = True
            seen = [await anyone.get(path, params={"signature": signature}) for path in paths(campaign, link)]
            assert sum(AMOUNT.replace(",", "") in answer.text.replace(",", "") for answer in seen) >= 5
            for path in paths(campaign, link):
                told = [
                    await theirs.get(path),
                    await anyone.get(path),
                    await anyone.get(path, params={"signature": foreign}),
                    await anyone.get(path, params={"signature": pieced}),
                ]
                for answer in told:
                    text = answer.text.replace(",", "")
                    assert not any(word in text for word in (AMOUNT, "p-secret", "the name", "alert(6)")), path
                assert {told[1].status_code, told[3].status_code} <= {401, 403}, path
            stream = f"/v1/campaigns/{quote(campaign, safe='')}/report/stream"
            async with anyone.stream("GET", stream, params={"signature": foreign}) as response:
                totals = (await anext(reports_of(response)))["totals"]
                assert (totals["clicks"], totals["recipients"], totals["revenue"]) == (0, 0, [])
            async with anyone.stream("GET", stream, params={"signature": pieced}) as response:
                assert response.status_code == 401


async def test_nothing_sent_comes_alive(system: System, campaign: str) -> None:
    """On the page as in the CSV: it is shown as text, and saved under a name that every system takes."""
    shop = await make_business(system)
    await happened(system, shop, campaign)
    async with client_of(system, shop.token) as mine:
        path = (await mine.post("/v1/report_links", json={"campaign": campaign, "all_reports": True})).json()["path"]
        signed = urlsplit(path)
        async with client_with(system) as web:
            web.follow_redirects = True
            pages = [(await web.get(path)).text, (await web.get(f"/reports?{signed.query}")).text]
        for page in pages:
            assert [word for word in LIVE if word in page] == []
        assert "&lt;script&gt;alert(" in pages[0]
        report = await mine.get(f"/v1/campaigns/{quote(campaign, safe='')}/report.csv")
        people = await mine.get(f"/v1/campaigns/{quote(campaign, safe='')}/recipients.csv")
    for answer in (report, people):
        name = answer.headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
        assert name.isascii()
        assert name.replace("_", "").replace("-", "").replace(".", "").isalnum()
        rows = list(csv.reader(StringIO(answer.text.removeprefix("\ufeff"), newline="")))
        assert len({len(row) for row in rows}) == 1
        assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert ["report", "campaign", "id", f"'{campaign}", ""] in list(
        csv.reader(StringIO(report.text.removeprefix("\ufeff"), newline=""))
    )
