"""The trail from a link to the report, over HTTP, through every process."""

import secrets
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.e2e.conftest import System
from tests.support.waiting import eventually

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def path_of(short_url: str) -> str:
    """Return the path of a short URL."""
    return urlsplit(short_url).path


def session_of(response: httpx.Response) -> str:
    """Return the session in a redirect's location."""
    return parse_qs(urlsplit(response.headers["location"]).query)["hellotext_session"][0]


async def make_link(private: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Create a link in a campaign of its own and return it."""
    link = {"destination": "https://shop.example.com/p/1?ref=a#size", "campaign": f"c-{secrets.token_hex(6)}", **fields}
    response = await private.post("/v1/links", json=link)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def report_when(private: httpx.AsyncClient, campaign: str, **totals: Any) -> dict[str, Any]:
    """Return the campaign's report once its totals are these."""
    return await eventually(
        partial(report_of, private, campaign), lambda seen: totals.items() <= seen["totals"].items()
    )


async def report_of(private: httpx.AsyncClient, campaign: str) -> dict[str, Any]:
    """Return the campaign's report as it is now."""
    response = await private.get(f"/v1/campaigns/{campaign}/report")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def activities_when(private: httpx.AsyncClient, profile: str, count: int) -> list[dict[str, Any]]:
    """Return a profile's activities once there are this many."""

    async def look() -> list[dict[str, Any]]:
        response = await private.get(f"/v1/profiles/{profile}/activities")
        found: list[dict[str, Any]] = response.json()["activities"] if response.status_code == 200 else []
        return found

    return await eventually(look, lambda seen: len(seen) >= count)


async def test_a_click_leads_to_the_report(
    private: httpx.AsyncClient, public: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """A link is clicked, the shop posts events with its session, and activities and report show all of it."""
    profile = f"p-{secrets.token_hex(6)}"
    link = await make_link(private, profile=profile, utm={"source": "hellotext", "medium": "sms"})
    click = await phone.get(path_of(link["short_url"]))
    assert click.status_code == 302
    assert click.content == b""
    assert click.headers["cache-control"] == "private, no-store"
    session = session_of(click)
    location = click.headers["location"]
    assert location == (
        "https://shop.example.com/p/1?ref=a&utm_source=hellotext&utm_medium=sms"
        f"&hellotext_session={session}&hello_session={session}#size"
    )

    viewed = await public.post("/v1/track/events", json={"action": "page.viewed", "session": session, "url": location})
    assert viewed.status_code == 200, viewed.text
    assert viewed.json()["status"] == "received"
    order = {"action": "order.placed", "session": session, "amount": "395.00", "currency": "USD",
             "object_parameters": {"reference": secrets.token_hex(6)}}  # fmt: skip
    bought = await private.post("/v1/attribution/events", json=order)
    assert bought.status_code == 200, bought.text

    activities = await activities_when(private, profile, 3)
    assert [activity["action"] for activity in activities] == ["order.placed", "page.viewed", "short_link.clicked"]
    assert {activity["session"] for activity in activities} == {session}
    assert {activity["campaign"] for activity in activities} == {link["campaign"]}
    assert activities[0]["id"] == bought.json()["id"]
    assert activities[0]["amount"] == {"amount": "395.00", "currency": "USD"}

    report = await report_when(private, link["campaign"], clicks=1, unique_clickers=1, conversions=1)
    assert report["totals"]["revenue"] == [{"amount": "395.00", "currency": "USD"}]
    assert report["totals"]["recipients"] == 1
    assert report["totals"]["click_through_rate"] == 1.0
    assert {event["action"]: event["count"] for event in report["events"]} == {"order.placed": 1, "page.viewed": 1}
    assert sum(point["clicks"] for point in report["series"]) == 1


async def test_two_clicks_are_one_clicker(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """Two clicks on one link: two sessions, two clicks, one unique clicker."""
    link = await make_link(private, profile=f"p-{secrets.token_hex(6)}")
    sessions = {session_of(await phone.get(path_of(link["short_url"]))) for _ in range(2)}
    assert len(sessions) == 2
    report = await report_when(private, link["campaign"], clicks=2)
    assert report["totals"]["unique_clickers"] == 1
    assert report["totals"]["sessions"] == 2


async def test_a_crawler_is_kept_and_not_counted(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """A crawler is redirected without a session, counts as no click, and shows with its verdict."""
    link = await make_link(private, profile=f"p-{secrets.token_hex(6)}")
    hit = await phone.get(path_of(link["short_url"]), headers={"User-Agent": GOOGLEBOT})
    assert hit.status_code == 302
    assert "session" not in hit.headers["location"]
    report = await report_when(private, link["campaign"], bot_hits=1)
    assert (report["totals"]["clicks"], report["totals"]["unique_clickers"]) == (0, 0)
    assert report["breakdowns"]["verdict"] == [{"value": "bot", "clicks": 1, "unique_clickers": 0}]


async def test_an_event_may_come_before_its_click(
    private: httpx.AsyncClient, public: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """An event posted at once after the redirect is credited, whatever arrives first."""
    links = [await make_link(private, profile=f"p-{secrets.token_hex(6)}") for _ in range(5)]
    for link in links:
        session = session_of(await phone.get(path_of(link["short_url"])))
        tracked = await public.post("/v1/track/events", json={"action": "page.viewed", "session": session})
        assert tracked.status_code == 200, tracked.text
    for link in links:
        report = await eventually(partial(report_of, private, link["campaign"]), lambda seen: bool(seen["events"]))
        assert report["events"] == [{"action": "page.viewed", "count": 1, "revenue": []}]


async def test_a_journey_has_its_report(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """What holds for campaigns holds for journeys."""
    journey = f"j-{secrets.token_hex(6)}"
    link = await make_link(private, campaign=None, journey=journey, profile=f"p-{secrets.token_hex(6)}")
    await phone.get(path_of(link["short_url"]))

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = (await private.get(f"/v1/journeys/{journey}/report")).json()
        return found

    report = await eventually(look, lambda seen: seen["totals"]["clicks"] == 1)
    assert report["journey"] == journey


async def test_the_demo_links_redirect(system: System, phone: httpx.AsyncClient) -> None:
    """The links of the demo campaign are there from the start, one per recipient."""
    assert len(system.links) == 20
    click = await phone.get(path_of(system.links[0]["short_url"]))
    assert click.status_code == 302
