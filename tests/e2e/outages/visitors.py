"""Clicks and events while parts of a system are away, and what is checked of them when all is well again."""

import secrets
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import httpx

from cli.embedded.server_process import ServerProcess
from common.settings.settings import load_settings
from shortener_service.settings import ShortenerSettings
from tests.support.killable import KillableSystem, session_in
from tests.support.waiting import LIMIT_SECONDS, eventually


async def make_link(chain: KillableSystem, campaign: str = "matrix") -> dict[str, Any]:
    """Return a new link of a recipient, clicked once, so that the shortener knows it."""
    body = {"destination": "https://shop.example.com/p/1", "campaign": campaign, "profile": secrets.token_hex(6)}
    async with chain.server(chain.patient) as server:
        made = await eventually(partial(server.post, "/v1/links", json=body), lambda seen: seen.status_code == 201)
    link: dict[str, Any] = made.json()
    first = await eventually(partial(click, chain, link), lambda seen: seen.status_code == 302)
    await eventually(stored_clicks(chain, session_in(first)), lambda rows: rows == 1)
    return link


async def click(chain: KillableSystem, link: dict[str, Any], gateway: ServerProcess | None = None) -> httpx.Response:
    """Click a link once, by way of the patient gateway if not told otherwise."""
    async with chain.client(gateway or chain.patient) as phone:
        return await phone.get(f"/{link['code']}")


async def post_event(chain: KillableSystem, key: str, gateway: ServerProcess | None = None) -> httpx.Response:
    """Post an event once, as a page does, by way of the patient gateway if not told otherwise."""
    body = {"action": "page.viewed", "session": f"session-{key}"}
    async with chain.page(gateway or chain.patient) as page:
        return await page.post("/v1/track/events", json=body, headers={"Idempotency-Key": key})


def stored_clicks(chain: KillableSystem, session: str) -> Callable[[], Awaitable[int]]:
    """Return what counts the stored clicks with a session."""
    return partial(chain.count, "clicks", "session", session)


def is_redirect(response: httpx.Response) -> bool:
    """Tell whether a person was redirected, with a session."""
    return response.status_code == 302 and len(session_in(response)) == 32


def assert_come_again(response: httpx.Response) -> None:
    """Check that an answer says that it does not work now, and when to come again."""
    assert response.status_code == 503, response.text
    assert int(response.headers["retry-after"]) >= 1
    assert "no-store" in response.headers["cache-control"]
    assert "location" not in response.headers


async def assert_click_kept(chain: KillableSystem, response: httpx.Response) -> None:
    """Check that a click that was redirected is stored once when all is well again."""
    assert is_redirect(response), response.text
    await chain.heal()
    await eventually(stored_clicks(chain, session_in(response)), lambda rows: rows == 1)


async def assert_event_kept(chain: KillableSystem, key: str, response: httpx.Response) -> None:
    """Check that an event that was acknowledged is stored once when all is well again, also where it is sent again."""
    assert response.status_code == 200, response.text
    assert response.json()["status"] == "received"
    event = response.json()["id"]
    await chain.heal()
    await eventually(partial(chain.count, "events", "id", event), lambda rows: rows == 1)
    again = await eventually(partial(post_event, chain, key), lambda seen: seen.status_code == 200)
    assert again.json()["id"] == event
    assert await chain.count("events", "session", f"session-{key}") == 1


async def assert_event_can_be_sent_again(chain: KillableSystem, key: str) -> None:
    """Check that an event that was not acknowledged is taken once when all is well again."""
    await chain.heal()
    again = await eventually(partial(post_event, chain, key), lambda seen: seen.status_code == 200)
    await assert_event_kept(chain, key, again)


async def assert_all_stored_once(
    chain: KillableSystem, clicks: Iterable[httpx.Response], events: Iterable[httpx.Response]
) -> None:
    """Check that what was answered, redirects and acknowledged events, is stored, each once.

    Clicks that a killed shortener had read from the outbox wait until another takes them over.
    """
    claimed = load_settings(ShortenerSettings).relay_claim_seconds + LIMIT_SECONDS
    seen = {session_in(answer): 1 for answer in clicks}
    acknowledged = {answer.json()["id"]: 1 for answer in events}
    await eventually(
        partial(chain.counts, "clicks", "session", list(seen)), lambda rows: rows == seen, limit_seconds=claimed
    )
    await eventually(partial(chain.counts, "events", "id", list(acknowledged)), lambda rows: rows == acknowledged)
