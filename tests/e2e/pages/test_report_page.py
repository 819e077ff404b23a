"""The pages of reports: who may open them, and what stands on them."""

import asyncio
import re
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import System, client_with
from tests.support.waiting import eventually

SCRIPT = "<script>alert(1)</script>"
LISTED = re.compile(r'link=[^"]*"><bdi>([^<]+)</bdi></a> <span')


@pytest_asyncio.fixture(scope="session")
async def shop(system: System) -> Business:
    """Make a business for these tests alone, with a journey."""
    business = await make_business(system)
    async with client_of(system, business.token) as client:
        await make_link(client, journey="welcome")
    return business


@pytest_asyncio.fixture
async def web(system: System) -> Any:
    """Return a client without a credential, which follows redirects and keeps cookies as browsers do."""
    async with reading(system) as client:
        yield client


def reading(system: System, **headers: str) -> httpx.AsyncClient:
    """Return a client without a credential, which follows redirects and keeps cookies as browsers do."""
    client = client_with(system, **headers)
    client.follow_redirects = True
    return client


async def signed(system: System, shop: Business, **fields: Any) -> dict[str, str]:
    """Return a signed link to a business's reports."""
    async with client_of(system, shop.token) as client:
        response = await client.post("/v1/report_links", json=fields)
    assert response.status_code == 201, response.text
    made: dict[str, str] = response.json()
    return made


async def make_link(client: httpx.AsyncClient, **fields: Any) -> None:
    """Make a link."""
    response = await client.post("/v1/links", json={"destination": "https://shop.example.com/", **fields})
    assert response.status_code == 201, response.text


async def campaign_with_link(system: System, shop: Business, **fields: Any) -> str:
    """Make a link of a new campaign and return the campaign, once its report knows of it."""
    campaign = f"c {secrets.token_hex(6)}/{SCRIPT}"
    async with client_of(system, shop.token) as client:
        await make_link(client, campaign=campaign, **fields)
    link = await signed(system, shop)
    async with reading(system) as client:

        async def look() -> str:
            return (await client.get(link["path"])).text

        await eventually(look, lambda text: campaign.split("/", maxsplit=1)[0] in text)
    return campaign


async def test_a_signed_link_opens_the_page(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Whatever its campaign is called; nothing comes from elsewhere, nobody else learns the address."""
    campaign = await campaign_with_link(system, shop, profile="p-1")
    link = await signed(system, shop, campaign=campaign)
    page = await web.get(link["path"])
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "private, no-store"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert SCRIPT not in page.text
    assert "&lt;script&gt;" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "set-cookie" not in page.headers
    assert len(page.content) < 100_000
    looked = await web.head(link["path"])
    assert (looked.status_code, looked.content) == (200, b"")


async def test_style_and_script_are_kept(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """For good, since their addresses change with them; all in all it is little."""
    link = await signed(system, shop)
    page = await web.get(link["path"])
    path = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    style = await web.get(path)
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in style.headers["cache-control"]
    assert len(style.content) < 20_000
    assert (await web.get("/reports/assets/other.css")).status_code == 404


async def test_nothing_is_shown_without_a_good_link(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Forged, cut, of another business, or none at all: a page that says so, with 403, and no data."""
    campaign = await campaign_with_link(system, shop)
    link = await signed(system, shop, campaign=campaign)
    expires, business, code = link["signature"].split(".")
    other = await make_business(system)
    bad = [
        "",
        "x",
        link["signature"][:-1],
        f"{int(expires) + 1}.{business}.{code}",
        f"{expires}.{other.id}.{code}",
        f"{expires}.{business}.{'A' * 43}",
        f"{expires}.nobody.{code}",
        "\0" * 20,
        "9" * 5000,
    ]
    path = link["path"].partition("?")[0]
    for signature in bad:
        page = await web.get(path, params={"signature": signature})
        assert (page.status_code, signature) == (403, signature)
        assert "does not open this report" in page.text
        assert campaign.split("/")[0] not in page.text
    assert (await web.get("/reports")).status_code == 403


async def test_another_business_sees_its_own(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Its link opens a campaign of the same name, of which nothing is known."""
    campaign = await campaign_with_link(system, shop, profile="p-1")
    other = await make_business(system)
    async with client_of(system, other.token) as client:
        await make_link(client, campaign=campaign)
    theirs = await signed(system, other, campaign=campaign)
    page = await web.get(theirs["path"])
    assert "Nothing has happened yet" in page.text
    assert "Recipients</span>" not in page.text


async def test_a_link_ends(system: System, web: httpx.AsyncClient) -> None:
    """After its time, or as soon as all links are revoked; a new one opens again."""
    business = await make_business(system)
    async with client_of(system, business.token) as client:
        soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
        short = (await client.post("/v1/report_links", json={"expires_at": soon})).json()
        long = (await client.post("/v1/report_links", json={})).json()

        async def statuses() -> list[int]:
            return [(await web.get(link["path"])).status_code for link in (short, long)]

        await eventually(statuses, lambda seen: seen == [403, 200])
        assert (await client.delete("/v1/report_links")).status_code == 204
        await eventually(statuses, lambda seen: seen == [403, 403])
        again = (await client.post("/v1/report_links", json={})).json()
    assert (await web.get(again["path"])).status_code == 200


async def test_who_may_sign(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """A private token alone, and not for ever."""
    refused = await web.post("/v1/report_links", json={}, headers={"Authorization": f"Bearer {shop.id}"})
    assert refused.status_code == 401
    async with client_of(system, shop.token) as client:
        for days in (-1, 91):
            at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
            late = await client.post("/v1/report_links", json={"expires_at": at})
            assert (late.status_code, late.json()["errors"][0]["parameter"]) == (422, "expires_at")
        both = await client.post("/v1/report_links", json={"campaign": "a", "journey": "b"})
        assert both.status_code == 422


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kathmandu", "America/St_Johns", "Mars/Olympus", "../../etc/passwd"])
@pytest.mark.parametrize("range_", ["all", "24h", "7d", "90d", "nonsense"])
async def test_every_choice_is_answered(
    system: System, shop: Business, web: httpx.AsyncClient, timezone: str, range_: str
) -> None:
    """In every range and time zone; what does not exist is told, and shown otherwise."""
    link = await signed(system, shop, journey="welcome")
    page = await web.get(f"{link['path']}&timezone={timezone}&range={range_}")
    assert page.status_code == 200, page.text
    assert ("There is no time zone" in page.text) == (timezone in {"Mars/Olympus", "../../etc/passwd"})


async def test_there_is_nothing_else(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Below the reports, other paths are 404 and other methods 405, as pages."""
    signature = (await signed(system, shop))["signature"]
    for path in (
        "/reports//",
        "/reports/links/x",
        "/reports/campaigns/",
        "/reports/campaigns/%FF",
        "/reports/campaigns/%00",
    ):
        page = await web.get(path, params={"signature": signature})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8"), path
    wrong = await web.post("/reports", params={"signature": signature})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")


async def test_the_list_has_everything_once(system: System, web: httpx.AsyncClient) -> None:
    """A page at a time, that with the newest link first."""
    business = await make_business(system)
    campaigns = {f"c-{number:02}" for number in range(27)}
    async with client_of(system, business.token) as client:
        for campaign in campaigns:
            await make_link(client, campaign=campaign, profile="p-1")
        await make_link(client, journey="welcome", profile="p-2")
        path = (await client.post("/v1/report_links", json={})).json()["path"]

        async def listed() -> list[str]:
            pages = [(await web.get(path)).text, (await web.get(f"{path}&page=2")).text]
            return [name for page in pages for name in LISTED.findall(page)]

        # A link that arrives between the two pages moves a campaign to the other one.
        await eventually(listed, lambda names: sorted(names) == sorted({*campaigns, "welcome"}))

        async def newest() -> str:
            # Times of links are in whole seconds.
            await make_link(client, journey="welcome")
            return (await listed())[0]

        await eventually(newest, lambda name: name == "welcome")


async def test_a_command_signs_links(system: System, web: httpx.AsyncClient) -> None:
    """To the page of a campaign, on the gateway that is named; and takes back those signed before."""
    business = await make_business(system)
    async with client_of(system, business.token) as client:
        await make_link(client, campaign="spring")
    command = [sys.executable, "-m", "cli", "report-link", "--tracking", system.tracking, "--business", business.id]
    command += ["--key-file", str(system.operator_key)]

    async def run(*options: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run, [*command, "--url", f"{system.http}/", *options], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    first = await run("--campaign", "spring", "--days", "90")
    assert first.startswith(f"{system.http}/reports/campaigns/spring?signature=")
    assert (await web.get(first)).status_code == 200
    second = await run("--revoke")
    assert (await web.get(second)).status_code == 200

    async def look() -> int:
        return (await web.get(first)).status_code

    await eventually(look, lambda status: status == 403)
    third = await run("--campaign", "spring", "--all")
    assert (await web.get(third)).status_code == 200
    for path, statuses in ((second, [200, 200]), (third, [200, 200])):
        signature = path.partition("signature=")[2]
        pages = [f"/reports{page}?signature={signature}" for page in ("", "/campaigns/spring")]
        others = [(await web.get(page)).status_code for page in pages]
        assert others == statuses
