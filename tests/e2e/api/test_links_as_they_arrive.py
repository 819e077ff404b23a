"""Short links as messages, mail programs and cameras pass them on."""

import secrets

import httpx
import pytest

from tests.e2e.conftest import System, client_with
from tests.support.waiting import eventually

DESTINATION = "https://shop.example.com/p/1"


@pytest.mark.parametrize("stuck", [".", ",", "%20", "/", ")", "%E2%80%8B", "\u201d", "&x=y", "'"])
async def test_a_link_with_something_stuck_to_it_redirects(
    private: httpx.AsyncClient, phone: httpx.AsyncClient, stuck: str
) -> None:
    """To where the link leads, as one click."""
    campaign = f"c-{secrets.token_hex(6)}"
    made = await private.post("/v1/links", json={"destination": DESTINATION, "campaign": campaign})
    opened = await phone.get(f"/{made.json()['code']}{stuck}")
    assert opened.status_code == 302
    assert opened.headers["location"].startswith(DESTINATION)

    async def look() -> int:
        report = await private.get(f"/v1/campaigns/{campaign}/report")
        clicks: int = report.json()["totals"]["clicks"]
        return clicks

    assert await eventually(look, lambda clicks: clicks > 0) == 1


@pytest.mark.parametrize("stuck", ["_", "-", "__", "-_-", "_.", "_*", "-%20"])
async def test_what_a_code_could_end_with_is_not_part_of_it_either(
    private: httpx.AsyncClient, phone: httpx.AsyncClient, stuck: str
) -> None:
    """Where there is no such code: messages write in italics, and go on with a dash."""
    code = f"c{secrets.token_hex(6)}"
    made = await private.post("/v1/links", json={"destination": DESTINATION, "code": code})
    assert made.status_code == 201, made.text
    opened = await phone.get(f"/{code}{stuck}")
    assert opened.status_code == 302
    assert opened.headers["location"].startswith(DESTINATION)
    other = await private.post("/v1/links", json={"destination": f"{DESTINATION}/other", "code": f"{code}_"})
    assert other.status_code == 201, other.text
    opened = await phone.get(f"/{code}_")
    assert opened.headers["location"].startswith(f"{DESTINATION}/other?")
    for unknown in (f"nosuch{code}{stuck}", "____"):
        assert (await phone.get(f"/{unknown}")).status_code == 404


@pytest.mark.parametrize("stuck", ["", ".", ")", "%20", "%E2%80%8B", ",", "%22"])
async def test_a_report_link_with_something_stuck_to_it_opens(
    private: httpx.AsyncClient, system: System, stuck: str
) -> None:
    """The signature ends where no signature goes on."""
    made = (await private.post("/v1/report_links", json={})).json()
    async with client_with(system) as anyone:
        opened = await anyone.get(made["path"] + stuck, follow_redirects=True)
        assert opened.status_code == 200, opened.text
        refused = await anyone.get(made["path"] + "x")
    assert refused.status_code in {401, 403}


async def test_a_destination_may_be_long(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """As long as 8,192 characters."""
    long = "https://shop.example.com/p?x=" + "a" * 8_163
    assert len(long) == 8_192
    made = await private.post("/v1/links", json={"destination": long})
    assert made.status_code == 201, made.text
    assert made.json()["destination"] == long
    opened = await phone.get(f"/{made.json()['code']}")
    assert opened.headers["location"].startswith(long)
    refused = await private.post("/v1/links", json={"destination": long + "a"})
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "destination")


async def test_a_destination_may_have_an_emoji_for_a_host(private: httpx.AsyncClient) -> None:
    """It is kept as it was sent, and leads where browsers would go."""
    made = await private.post("/v1/links", json={"destination": "https://i❤.example/p"})
    assert made.status_code == 201, made.text
    assert made.json()["destination"] == "https://i❤.example/p"
    shown = await private.get(f"/{made.json()['code']}+", headers={"Accept": "application/json"})
    assert shown.json()["destination"] == "https://xn--i-7iq.example/p"
