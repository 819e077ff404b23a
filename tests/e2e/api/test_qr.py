"""QR codes of links, and the page that shows where one leads."""

import secrets
import struct
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.e2e.conftest import PHONE, System, client_with
from tests.support.waiting import eventually

VIEWS = ("", "+", ".png", ".svg")
DESTINATION = "https://shop.example.com/p/1?q=%3Cscript%3E&r='\"#end"


async def make_link(private: httpx.AsyncClient, **fields: object) -> dict[str, str]:
    """Return a new link."""
    response = await private.post("/v1/links", json={"destination": "https://shop.example.com/p/1", **fields})
    assert response.status_code == 201, response.text
    made: dict[str, str] = response.json()
    return made


async def clicks_of(private: httpx.AsyncClient, campaign: str) -> int:
    """Return the clicks that a campaign has."""
    found: int = (await private.get(f"/v1/campaigns/{campaign}/report")).json()["totals"]["clicks"]
    return found


async def test_a_code_is_drawn_in_both_forms(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """As large as asked for, black on white, to be kept for a while."""
    code = (await make_link(private))["code"]
    svg = await phone.get(f"/{code}.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert ET.fromstring(svg.text).tag.endswith("svg")  # noqa: S314  (our own)
    png = await phone.get(f"/{code}.png", params={"scale": "3", "border": "0"})
    assert png.headers["content-type"] == "image/png"
    assert png.headers["cache-control"] == "public, max-age=300"
    width, height = struct.unpack(">II", png.content[16:24])
    assert width == height
    assert width % 3 == 0
    larger = await phone.get(f"/{code}.png", params={"scale": "6", "border": "0"})
    assert struct.unpack(">I", larger.content[16:20])[0] == 2 * width
    looked = await phone.head(f"/{code}.png")
    assert (looked.status_code, looked.content) == (200, b"")


async def test_a_code_at_hand_is_not_sent_again(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """In the size in which it is at hand, for as long as the link leads somewhere."""
    link = await make_link(private)
    for kind in ("svg", "png"):
        first = await phone.get(f"/{link['code']}.{kind}")
        at_hand = {"If-None-Match": first.headers["etag"]}
        again = await phone.get(f"/{link['code']}.{kind}", headers=at_hand)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert again.headers["cache-control"] == "public, max-age=300"
        other = await phone.get(
            f"/{link['code']}.{kind}?scale=2", headers={"If-None-Match": f"W/{first.headers['etag']}"}
        )
        assert (other.status_code, other.headers["etag"] != first.headers["etag"]) == (200, True)
    assert (await private.delete(f"/v1/links/{link['id']}")).status_code == 204

    async def look() -> int:
        return (await phone.get(f"/{link['code']}.png", headers=at_hand)).status_code

    await eventually(look, lambda status: status == 410)


@pytest.mark.parametrize("query", [{"scale": "0"}, {"scale": "33"}, {"border": "-1"}, {"border": "x"}, {"scale": ""}])
async def test_no_drawing_is_endless(private: httpx.AsyncClient, query: dict[str, str]) -> None:
    """A size out of bounds is refused by its name."""
    code = (await make_link(private))["code"]
    refused = await private.get(f"/{code}.png", params=query, headers={"Accept": "application/json"})
    assert refused.status_code == 422
    assert [fault["parameter"] for fault in refused.json()["errors"]] == list(query)


async def test_a_scan_counts_as_one(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """What the code says leads to the destination, and its click is in the report; looking at either is none."""
    campaign = f"c-{secrets.token_hex(6)}"
    code = (await make_link(private, campaign=campaign))["code"]
    for view in ("+", ".svg", ".png"):
        assert (await phone.get(f"/{code}{view}")).status_code == 200
    scanned = await phone.get(f"/{code}?qr")
    assert scanned.status_code == 302
    assert scanned.headers["location"].startswith("https://shop.example.com/p/1?")

    async def look() -> int:
        return await clicks_of(private, campaign)

    assert await eventually(look, lambda clicks: clicks > 0) == 1


async def test_a_scan_is_told_from_a_click(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """In the report, as JSON and as CSV, and among what the person did; those of programs are no scans of people."""
    campaign, person = f"c-{secrets.token_hex(6)}", f"p-{secrets.token_hex(6)}"
    code = (await make_link(private, campaign=campaign, profile=person))["code"]
    for query in ("?qr", "?qr&fbclid=x", "?utm_source=qr"):
        assert (await phone.get(f"/{code}{query}")).status_code == 302
    await phone.get(f"/{code}?qr", headers={"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"})

    async def look() -> tuple[int, int]:
        totals = (await private.get(f"/v1/campaigns/{campaign}/report")).json()["totals"]
        return totals["clicks"], totals["bot_hits"]

    await eventually(look, lambda found: found == (3, 1))
    report = (await private.get(f"/v1/campaigns/{campaign}/report")).json()
    told = [
        {"value": "qr", "clicks": 2, "unique_clickers": 1},
        {"value": "link", "clicks": 1, "unique_clickers": 0},
    ]
    assert report["breakdowns"]["source"] == told
    rows = (await private.get(f"/v1/campaigns/{campaign}/report.csv")).text
    assert "source,qr,clicks,2," in rows
    assert "source,link,clicks,1," in rows
    assert report["breakdowns"]["referrer"] == [{"value": "direct", "clicks": 3, "unique_clickers": 1}]
    path = f"/v1/profiles/{person}/activities"
    activities = (await private.get(path, params={"include": "all"})).json()["activities"]
    assert [(one["verdict"], one["source"]) for one in activities] == [
        ("bot", "qr"), ("human", "link"), ("human", "qr"), ("human", "qr"),
    ]  # fmt: skip


async def test_a_page_shows_where_a_link_leads(private: httpx.AsyncClient, system: System) -> None:
    """For people, everything in it escaped; for programs as JSON; without the recipient."""
    link = await make_link(private, destination=DESTINATION, profile=f"p-{secrets.token_hex(6)}")
    async with client_with(system, **{"User-Agent": PHONE}) as anyone:
        page = await anyone.get(f"/{link['code']}+", headers={"Accept": "text/html"})
        encoded = await anyone.get(f"/{link['code']}%2B", headers={"Accept": "application/json"})
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "shop.example.com" in page.text
    assert "'\"" not in page.text
    assert str(link["profile"]) not in page.text
    shown = encoded.json()
    assert set(shown) == {"short_url", "destination", "created_at"}
    assert shown["destination"] == link["destination"]


@pytest.mark.parametrize(
    ("destination", "host"),
    [
        ("https://www.аррӏе.com/", "www.xn--80ak6aa92e.com"),  # noqa: RUF001  (what it is about)
        ("https://evil。com/", "evil.com"),
        ("https://exam\u00adple.com/", "example.com"),
        ("https://ＥＸＡＭＰＬＥ.com/", "example.com"),  # noqa: RUF001
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
    ],
)
async def test_a_page_shows_the_address_that_browsers_are_sent_to(
    private: httpx.AsyncClient, phone: httpx.AsyncClient, destination: str, host: str
) -> None:
    """Not the one that was typed, which may look like another."""
    code = (await make_link(private, destination=destination))["code"]
    page = await phone.get(f"/{code}+", headers={"Accept": "text/html"})
    shown = await phone.get(f"/{code}+", headers={"Accept": "application/json"})
    location = (await phone.get(f"/{code}")).headers["location"]
    assert location.startswith(f"https://{host}/")
    assert shown.json()["destination"] == f"https://{host}/"
    assert host in page.text
    assert destination not in page.text


async def test_pages_of_ours_stand_in_no_frame(phone: httpx.AsyncClient, private: httpx.AsyncClient) -> None:
    """Those that say that there is nothing, either; and nothing moves their addresses."""
    gone, live = await make_link(private), await make_link(private)
    assert (await private.delete(f"/v1/links/{gone['id']}")).status_code == 204

    async def look() -> int:
        return (await phone.get(f"/{gone['code']}")).status_code

    await eventually(look, lambda status: status == 410)
    paths = {
        f"/{code}{view}": status for code, status in (("nothing-here", 404), (gone["code"], 410)) for view in VIEWS
    }
    for path, status in paths.items():
        page = await phone.get(path, headers={"Accept": "text/html"})
        assert page.status_code == status, path
        assert is_framed_by_nobody(page), path
    shown = await phone.get(f"/{live['code']}+", headers={"Accept": "text/html"})
    ahead = await phone.get(f"/{live['code']}", headers={"Sec-Purpose": "prefetch", "Accept": "text/html"})
    assert (shown.status_code, ahead.status_code) == (200, 503)
    assert is_framed_by_nobody(shown)
    assert is_framed_by_nobody(ahead)


def is_framed_by_nobody(page: httpx.Response) -> bool:
    """Tell whether a page says that it stands in no frame, has no other base, and loads nothing."""
    policy = page.headers["content-security-policy"].split("; ")
    return {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)


async def test_there_is_nothing_to_see_of_dead_links(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """404 and 410 as for the link itself; one with a fallback shows that."""
    dead = await make_link(private)
    fallback = await make_link(private, fallback_url="https://shop.example.com/over")
    for link in (dead, fallback):
        assert (await private.delete(f"/v1/links/{link['id']}")).status_code == 204

    async def look() -> list[int]:
        return [(await phone.get(f"/{dead['code']}{view}")).status_code for view in ("+", ".svg", ".png")]

    await eventually(look, lambda statuses: statuses == [410, 410, 410])
    for view in ("+", ".svg", ".png"):
        missing = await phone.get(f"/nothing-here{view}", headers={"Accept": "application/json"})
        assert (missing.status_code, missing.json()["errors"][0]["type"]) == (404, "not_found")
        wrong = await phone.post(f"/{fallback['code']}{view}")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    shown = await phone.get(f"/{fallback['code']}+", headers={"Accept": "application/json"})
    assert shown.json()["destination"] == "https://shop.example.com/over"
