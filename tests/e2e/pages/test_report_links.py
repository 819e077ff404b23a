"""Links to reports: bound to one report each, and out of the address bar as soon as the browser keeps them."""

from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import System, client_with
from tests.e2e.pages.test_stream import reports_of
from tests.support.waiting import eventually

COOKIES_KEPT = 20


@pytest_asyncio.fixture(scope="session")
async def shop(system: System) -> Business:
    """Make a business for these tests alone."""
    many = [{"campaign": f"c-{number}"} for number in range(COOKIES_KEPT + 3)]
    journeys = [{"journey": name} for name in ("spring", "summer")]
    return await shop_with_links(system, {"campaign": "summer"}, {"campaign": "a b/c"}, *journeys, *many)


async def shop_with_links(system: System, *others: dict[str, str]) -> Business:
    """Make a business with a link of a campaign `spring`, and with others."""
    business = await make_business(system)
    async with client_of(system, business.token) as client:
        for where in ({"campaign": "spring"}, *others):
            made = await client.post("/v1/links", json={"destination": "https://shop.example.com/", **where})
            assert made.status_code == 201, made.text
    return business


@pytest_asyncio.fixture
async def web(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that follows no redirect but keeps cookies, as a browser of one person does."""
    async with client_with(system) as client:
        yield client


async def signed(system: System, shop: Business, **fields: Any) -> dict[str, Any]:
    """Return a signed link of a business."""
    async with client_of(system, shop.token) as client:
        response = await client.post("/v1/report_links", json=fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def read_of(page: httpx.AsyncClient, path: str) -> httpx.Response:
    """Open an address and follow redirects to the end."""
    return await page.get(path, follow_redirects=True)


def of_scope(kind: str, name: str) -> Iterable[str]:
    """Yield every path that tells something of a campaign or journey."""
    yield f"/reports/{kind}s/{name}"
    for end in ("report.csv", "recipients.csv", "stream"):
        yield f"/reports/{kind}s/{name}/{end}"
    for end in ("report.csv", "recipients.csv", "report/stream"):
        yield f"/v1/{kind}s/{name}/{end}"


async def status_of(client: httpx.AsyncClient, path: str, signature: str) -> int:
    """Return the status of a path with a signature, also of one whose body has no end."""
    query = {"signature": signature} | ({"cookies": "off"} if path.startswith("/reports") else {})
    async with client.stream("GET", path, params=query) as response:
        return response.status_code


@pytest.mark.parametrize(("kind", "other"), [("campaign", "journey"), ("journey", "campaign")])
async def test_a_link_opens_the_report_that_it_leads_to(
    system: System, shop: Business, web: httpx.AsyncClient, kind: str, other: str
) -> None:
    """With its stream and its CSV; no other campaign or journey, also of the same name, no link, no list of all."""
    link = await signed(system, shop, **{kind: "spring"})
    assert link["all_reports"] is False
    signature = link["signature"]
    assert [await status_of(web, path, signature) for path in of_scope(kind, "spring")] == [200] * 7
    elsewhere = [*of_scope(kind, "summer"), *of_scope(kind, "spring%20"), *of_scope(other, "spring"), "/reports"]
    elsewhere += [f"/v1/{path}" for path in ("report.csv", "report/stream", f"report.csv?{kind}=spring")]
    elsewhere += ["/v1/links/spring/report.csv", "/v1/links/spring/recipients.csv", "/v1/links/spring/report/stream"]
    statuses = {path: await status_of(web, path, signature) for path in elsewhere}
    assert {path: status for path, status in statuses.items() if status not in {401, 403}} == {}
    # A second scope in the query is none that the path's is traded for.
    for path in (f"/v1/{kind}s/spring/report.csv", f"/reports/{kind}s/spring/report.csv"):
        answer = await web.get(path, params={"signature": signature, other: "summer"})
        assert answer.status_code == 422
        same = await web.get(path, params={"signature": signature, kind: "summer"})
        assert "summer" not in same.text


async def test_a_link_for_all_reports_is_asked_for(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Wherever it leads to; the page of one that is bound has no way to the list, which it could not open."""
    everything = await signed(system, shop, campaign="spring", all_reports=True)
    listed = await signed(system, shop)
    for link in (everything, listed):
        assert link["all_reports"] is True
        for path in ("/reports", "/reports/journeys/summer", "/v1/report.csv", "/v1/journeys/spring/recipients.csv"):
            assert await status_of(web, path, link["signature"]) == 200, path
    bound = await signed(system, shop, campaign="spring")
    assert "All campaigns and journeys" in (await read_of(web, everything["path"])).text
    assert "All campaigns and journeys" not in (await read_of(web, bound["path"])).text


async def test_the_signature_leaves_the_address(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """For a cookie that no script reads and no other site's page sends; the page, the stream and the CSV go by that."""
    link = await signed(system, shop, campaign="a b/c")
    asked = await web.get(f"{link['path']}&range=7d")
    assert (asked.status_code, asked.headers["cache-control"]) == (303, "private, no-store")
    cookie = asked.headers["set-cookie"]
    attributes = [part.strip() for part in cookie.split(";")[1:]]
    assert attributes[0].startswith("Max-Age=6047")
    assert attributes[1:] == ["Path=/reports", "HttpOnly", "SameSite=Lax"]
    clean = (await web.get(asked.headers["location"])).headers["location"]
    assert urlsplit(clean).path == urlsplit(link["path"]).path
    assert set(parse_qs(urlsplit(clean).query)) == {"link", "range"}
    page = await web.get(clean)
    assert page.status_code == 200
    assert link["signature"] not in page.text
    for end in ("report.csv", "recipients.csv"):
        address = page.text.split(f"{end}?")[1].partition('"')[0].replace("&amp;", "&")
        got = await web.get(f"{urlsplit(clean).path}/{end}?{address}")
        assert (got.status_code, got.headers["content-type"].partition(";")[0]) == (200, "text/csv")
    stream = page.text.split('data-stream="')[1].partition('"')[0].replace("&amp;", "&")
    async with web.stream("GET", stream) as response:
        assert response.status_code == 200
        assert (await anext(reports_of(response)))["campaign"] == "a b/c"
    head = await web.head(stream)
    assert (head.status_code, head.headers["allow"]) == (405, "GET")
    # Opened once more as it was sent, it leads there at once.
    again = await web.get(f"{link['path']}&range=7d")
    assert (again.status_code, again.headers["location"]) == (303, clean)


async def test_behind_https_the_cookie_stays_there(system: System, shop: Business) -> None:
    """As the proxy says that ends TLS."""
    link = await signed(system, shop, campaign="spring")
    for proto, is_secure in (("https", True), ("http, https", True), ("http", False)):
        async with client_with(system, **{"X-Forwarded-Proto": proto}) as client:
            cookie = (await client.get(link["path"])).headers["set-cookie"]
        assert cookie.endswith("; Secure") == is_secure, proto


async def test_a_browser_without_cookies_sees_the_report(system: System, shop: Business) -> None:
    """Its addresses go on with the signature, without asking again."""
    link = await signed(system, shop, campaign="spring")
    async with client_with(system) as bare:
        asked = await bare.get(link["path"])
        bare.cookies.clear()
        page = await bare.get(asked.headers["location"])
        assert (page.status_code, page.headers.get("set-cookie")) == (200, None)
        assert f'name="signature" value="{link["signature"]}"' in page.text
        address = page.text.split('<a href="')[1].partition('"')[0].replace("&amp;", "&")
        next_page = await bare.get(address)
    assert next_page.status_code == 200


async def test_a_clean_address_opens_nothing_by_itself(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Nor with the cookie of another link, nor with what somebody put in the place of one."""
    link, other = await signed(system, shop, campaign="spring"), await signed(system, shop, campaign="summer")
    mine = str((await read_of(web, link["path"])).url)
    handle = parse_qs(urlsplit(mine).query)["link"][0]
    for cookie in (
        "",
        f"clicktrail_report_{handle}={other['signature']}",
        f"clicktrail_report_{handle}=x",
        f"clicktrail_report_{handle}",
        f"{handle}={link['signature']}",
        "; ;=;clicktrail_report_=",
    ):
        async with client_with(system, **({"Cookie": cookie} if cookie else {})) as anyone:
            refused = await anyone.get(mine)
        assert refused.status_code == 403, cookie
        assert "as it was sent to you" in refused.text


async def test_links_in_one_browser_stay_apart(system: System, web: httpx.AsyncClient) -> None:
    """Of two businesses with a campaign of one name, and of one business twice."""
    shops = [await shop_with_links(system) for _ in range(2)]
    links = [await signed(system, one, campaign="spring") for one in shops]
    links.append(await signed(system, shops[0], campaign="spring", all_reports=True))
    names = [str((await read_of(web, link["path"])).url) for link in links]
    pages = [(await web.get(name)) for name in names]
    assert [page.status_code for page in pages] == [200] * 3
    assert ["All campaigns" in page.text for page in pages] == [False, False, True]
    assert len(set(names)) == 3


async def test_a_browser_keeps_so_many(system: System, shop: Business, web: httpx.AsyncClient) -> None:
    """Those that it was given first make room; else its heads became too long some day."""
    links = [await signed(system, shop, campaign=f"c-{number}") for number in range(COOKIES_KEPT + 3)]
    names = [str((await read_of(web, link["path"])).url) for link in links]
    assert len(web.cookies) == COOKIES_KEPT
    assert [(await web.get(name)).status_code for name in names[:4]] == [403, 403, 403, 200]
    assert (await web.get(names[-1])).status_code == 200


async def test_revoked_is_revoked_in_a_cookie_too(system: System, web: httpx.AsyncClient) -> None:
    """Page, CSV, and a stream that is under way, whichever report a link was bound to."""
    business = await shop_with_links(system)
    bound = str((await read_of(web, (await signed(system, business, campaign="spring"))["path"])).url)
    whole = str((await read_of(web, (await signed(system, business))["path"])).url)
    stream = f"/reports/campaigns/spring/stream?{urlsplit(bound).query}"
    async with web.stream("GET", stream) as response:
        assert response.status_code == 200
        async with client_of(system, business.token) as client:
            assert (await client.delete("/v1/report_links")).status_code == 204
        # It ends by itself.
        await response.aread()

    async def statuses() -> list[int]:
        return [(await web.get(path)).status_code for path in (bound, whole, stream)]

    await eventually(statuses, lambda seen: seen == [403] * 3)
