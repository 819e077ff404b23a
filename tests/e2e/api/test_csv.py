"""Reports as CSV."""

import csv
import secrets
from io import StringIO

import httpx

from tests.e2e.businesses import client_of, make_business
from tests.e2e.conftest import System, client_with
from tests.support.waiting import eventually

Rows = list[dict[str, str]]


def rows_of(answer: httpx.Response) -> Rows:
    """Return the rows of a CSV answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert answer.text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"), newline="")))


def figures(rows: Rows, section: str) -> dict[str, str]:
    """Return the figures of a section."""
    return {row["figure"]: row["value"] for row in rows if row["section"] == section}


async def test_a_report_has_all_its_figures(private: httpx.AsyncClient) -> None:
    """The same as its JSON, one figure a row, under a name that says what it is."""
    made = await private.post(
        "/v1/links", json={"destination": "https://shop.example.com/", "campaign": "=1+1", "profile": "p-csv"}
    )
    assert made.status_code == 201

    async def recipients() -> int:
        found: int = (await private.get("/v1/campaigns/=1+1/report")).json()["totals"]["recipients"]
        return found

    await eventually(recipients, lambda count: count == 1)
    for path in ("/v1/campaigns/=1+1/report", f"/v1/links/{made.json()['id']}/report", "/v1/report"):
        query = {"from": "2026-05-04T03:00:00Z", "to": "2026-05-04T06:00:00Z", "timezone": "Asia/Kathmandu"}
        report = (await private.get(path, params=query)).json()
        rows = rows_of(await private.get(f"{path}.csv", params=query))
        totals = {name: value for name, value in figures(rows, "totals").items() if name in report["totals"]}
        assert {name: float(value) for name, value in totals.items()} == {
            name: report["totals"][name] for name in totals
        }
        assert {"recipients", "clicks", "conversion_rate"} <= totals.keys()
        points = [row for row in rows if row["section"] == "series" and row["figure"] == "clicks"]
        assert [point["item"] for point in points] == [point["time"] for point in report["series"]]
        assert figures(rows, "report")["timezone"] == "Asia/Kathmandu"
    answer = await private.get("/v1/campaigns/=1+1/report.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="report-campaign-1_1.csv"'
    assert next(row["value"] for row in rows_of(answer) if row["figure"] == "id") == "'=1+1"


async def test_faults_are_those_of_the_report(private: httpx.AsyncClient, public: httpx.AsyncClient) -> None:
    """With all of them named; the public id opens nothing."""
    faulty = await private.get("/v1/report.csv", params={"interval": "minute", "from": "yesterday"})
    assert faulty.status_code == 422
    assert {fault["parameter"] for fault in faulty.json()["errors"]} == {"interval", "from"}
    unknown = await private.get("/v1/report.csv", params={"timezone": "Mars/Olympus"})
    assert unknown.json()["errors"][0]["parameter"] == "timezone"
    for path in ("/v1/report.csv", "/v1/campaigns/spring/recipients.csv"):
        assert (await public.get(path)).status_code == 401


async def test_another_business_sees_nothing_of_it(system: System) -> None:
    """A campaign of the same name is another one."""
    campaign = f"c-{secrets.token_hex(6)}"
    first, second = await make_business(system), await make_business(system)
    async with client_of(system, first.token) as one, client_of(system, second.token) as other:
        made = await one.post(
            "/v1/links", json={"destination": "https://shop.example.com/", "campaign": campaign, "profile": "p1"}
        )
        assert made.status_code == 201
        shared = await other.post("/v1/links", json={"destination": "https://shop.example.com/", "campaign": campaign})
        assert shared.status_code == 201
        signed = (await other.post("/v1/report_links", json={})).json()["signature"]

        async def recipients() -> int:
            found: int = (await one.get(f"/v1/campaigns/{campaign}/report")).json()["totals"]["recipients"]
            return found

        await eventually(recipients, lambda count: count == 1)
    async with client_with(system) as anyone:
        rows = rows_of(await anyone.get(f"/v1/campaigns/{campaign}/report.csv", params={"signature": signed}))
    assert figures(rows, "totals")["recipients"] == "0"
