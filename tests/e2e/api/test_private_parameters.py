"""A query parameter that a private route does not know is refused by its name, on each of them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.declared import declared_document
from tests.e2e.conftest import PHONE, System, client_with

TOKEN: dict[str, list[str]] = {"private_token": []}


def private_routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of each route that takes a private token and no public id.

    But for events, which are never refused for what stands beside them, and for pages, whose addresses are sent on by
    people and by what adds to them.
    """
    for path, methods in declared_document()["paths"].items():
        for method, operation in methods.items():
            is_private = TOKEN in operation.get("security", ()) and {"public_id": []} not in operation["security"]
            if is_private and operation["tags"] != ["events"] and not path.startswith("/reports/"):
                yield method, path


ROUTES = list(private_routes())


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
async def test_an_unknown_parameter_is_refused(private: httpx.AsyncClient, method: str, path: str) -> None:
    """Whatever else is wrong, and before anything is done or sent."""
    address = re.sub(r"\{\w+\}", "x", path)
    body: dict[str, Any] = {"json": {}} if method in {"post", "patch", "put"} else {}
    answer = await private.request(method, address, params={"campain": "spring", "limt": "3"}, **body)
    assert answer.status_code == 422, answer.text
    assert {"campain", "limt"} <= {fault.get("parameter") for fault in answer.json()["errors"]}


def test_the_routes_of_reports_are_among_them() -> None:
    """What no annotation describes, too."""
    paths = {path for _, path in ROUTES}
    assert {"/v1/report.csv", "/v1/report/stream", "/v1/links/{link}/recipients.csv", "/v1/links"} <= paths


async def test_parameters_of_one_form_are_those_of_the_other(private: httpx.AsyncClient) -> None:
    """What the report as JSON takes, the CSV takes as well, a link among it."""
    made = await private.post("/v1/links", json={"destination": "https://shop.example.com/"})
    link = made.json()["id"]
    query = {"link": link, "timezone": "America/Montevideo", "interval": "day"}
    assert (await private.get("/v1/report", params=query)).json()["link"] == link
    answer = await private.get("/v1/report.csv", params=query)
    assert f"report,link,id,{link}," in answer.text


async def test_pages_pass_over_what_was_added_to_their_addresses(private: httpx.AsyncClient, system: System) -> None:
    """As mail programs and networks do."""
    await private.post("/v1/links", json={"destination": "https://shop.example.com/", "campaign": "added-to"})
    made = await private.post("/v1/report_links", json={"campaign": "added-to"})
    signature = made.json()["signature"]
    async with client_with(system, **{"User-Agent": PHONE}) as phone:
        for end in ("", "/report.csv", "/recipients.csv"):
            query = {"signature": signature, "cookies": "off", "utm_source": "mail", "fbclid": "x"}
            assert (await phone.get(f"/reports/campaigns/added-to{end}", params=query)).status_code == 200
