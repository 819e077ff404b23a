"""What is promised when something is down: redirects, their clicks, and events, by what is away."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from cli.embedded.server_process import ServerProcess
from tests.support.killable import KillableSystem, Part, Way, session_in
from tests.support.waiting import eventually

WAYS: tuple[Way, ...] = ("killed", "frozen")
TWO_STORES: tuple[tuple[Part, Part], ...] = (("redis", "postgres"), ("redis", "tracking"))

either_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableSystem]:
    """Run a system of this module's own."""
    system = KillableSystem(tmp_path_factory.mktemp("matrix"))
    system.start()
    yield system
    system.stop()


@pytest.fixture
async def chain(whole: KillableSystem) -> AsyncIterator[KillableSystem]:
    """Lend the system whole, and mend it afterwards."""
    await whole.heal()
    yield whole
    await whole.heal()


async def make_link(chain: KillableSystem) -> dict[str, Any]:
    """Return a new link of a recipient, clicked once, so that the shortener knows it."""
    body = {"destination": "https://shop.example.com/p/1", "campaign": "matrix", "profile": secrets.token_hex(6)}
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


@either_way
async def test_without_postgres_clicks_wait_in_the_outbox(chain: KillableSystem, way: Way) -> None:
    """Redirects are served as ever; their clicks are stored when PostgreSQL is back."""
    link = await make_link(chain)
    with chain.without("postgres", way=way):
        answers = await asyncio.gather(*(click(chain, link) for _ in range(10)))
    for answer in answers:
        await assert_click_kept(chain, answer)


@either_way
async def test_without_tracking_clicks_wait_in_the_outbox(chain: KillableSystem, way: Way) -> None:
    """Redirects are served as ever; their clicks are stored when tracking is back."""
    link = await make_link(chain)
    with chain.without("tracking", way=way):
        answers = await asyncio.gather(*(click(chain, link) for _ in range(10)))
    for answer in answers:
        await assert_click_kept(chain, answer)


@either_way
async def test_without_tracking_an_event_waits_for_it(chain: KillableSystem, way: Way) -> None:
    """An event is taken as soon as tracking is back, without another try of its sender."""
    key = secrets.token_hex(8)
    with chain.without("tracking", way=way):
        waiting = asyncio.create_task(post_event(chain, key))
        # Let it come to the gateway; too early or too late, the answer must be the same.
        await asyncio.sleep(0.3)
    await assert_event_kept(chain, key, await waiting)


@either_way
async def test_without_tracking_an_event_is_refused_at_its_deadline(chain: KillableSystem, way: Way) -> None:
    """Where tracking does not come back in time, the event is to be sent again, and then is one event."""
    key = secrets.token_hex(8)
    with chain.without("tracking", way=way):
        assert_come_again(await post_event(chain, key, chain.stack.gateway))
    await assert_event_can_be_sent_again(chain, key)


@either_way
async def test_without_redis_known_links_redirect(chain: KillableSystem, way: Way) -> None:
    """The click is in PostgreSQL before the redirect is answered, and stays one when Redis is back."""
    link = await make_link(chain)
    with chain.without("redis", way=way):
        answers = [await click(chain, link) for _ in range(3)]
        for answer in answers:
            assert is_redirect(answer), answer.text
            assert await stored_clicks(chain, session_in(answer))() == 1
    for answer in answers:
        await assert_click_kept(chain, answer)


@either_way
async def test_without_redis_other_codes_cannot_be_told(chain: KillableSystem, way: Way) -> None:
    """A code that the process has not seen may exist: it is neither found nor not found."""
    with chain.without("redis", way=way):
        assert_come_again(await click(chain, {"code": "abcdefgh"}, chain.stack.gateway))
    await chain.heal()
    await eventually(partial(click, chain, {"code": "abcdefgh"}), lambda seen: seen.status_code == 404)


@either_way
async def test_without_redis_events_are_taken(chain: KillableSystem, way: Way) -> None:
    """Events do not need it."""
    key = secrets.token_hex(8)
    with chain.without("redis", way=way):
        answer = await post_event(chain, key)
        assert answer.status_code == 200, answer.text
        assert await chain.count("events", "id", answer.json()["id"]) == 1
    await assert_event_kept(chain, key, answer)


@either_way
async def test_without_the_shortener_a_click_waits_for_it(chain: KillableSystem, way: Way) -> None:
    """A person is redirected as soon as it is back, without another try."""
    link = await make_link(chain)
    with chain.without("shortener", way=way):
        waiting = asyncio.create_task(click(chain, link))
        await asyncio.sleep(0.3)
    await assert_click_kept(chain, await waiting)


@either_way
async def test_without_the_shortener_a_click_is_refused_at_its_deadline(chain: KillableSystem, way: Way) -> None:
    """Where it does not come back in time, nothing was served, and the next try is one click."""
    link = await make_link(chain)
    with chain.without("shortener", way=way):
        assert_come_again(await click(chain, link, chain.stack.gateway))
    await chain.heal()
    await assert_click_kept(chain, await click(chain, link))


@either_way
async def test_without_the_shortener_events_are_taken(chain: KillableSystem, way: Way) -> None:
    """Events do not need it, not even those that claim a session for somebody."""
    key = secrets.token_hex(8)
    body = {"action": "page.viewed", "session": f"session-{key}", "profile": f"profile-{key}"}
    with chain.without("shortener", way=way):
        async with chain.server(chain.patient) as server:
            claimed = await server.post("/v1/attribution/events", json=body)
        assert claimed.status_code == 200, claimed.text
        assert await chain.count("events", "id", claimed.json()["id"]) == 1


@either_way
@pytest.mark.parametrize("stores", TWO_STORES, ids="+".join)
async def test_without_two_stores_nothing_is_redirected(
    chain: KillableSystem, stores: tuple[Part, Part], way: Way
) -> None:
    """A click that nobody can keep is not answered by a redirect, not even of a known link."""
    link = await make_link(chain)
    with chain.without(*stores, way=way):
        assert_come_again(await click(chain, link, chain.stack.gateway))
    await chain.heal()
    served = await eventually(partial(click, chain, link), lambda seen: seen.status_code == 302)
    await assert_click_kept(chain, served)


async def test_killed_one_after_the_other_nothing_is_lost(chain: KillableSystem) -> None:
    """Whatever is killed under clicks and events, those that were answered are stored, each once."""
    link = await make_link(chain)
    parts: tuple[Part, ...] = ("tracking", "shortener", "postgres", "redis")
    seen: list[str] = []
    events: dict[str, httpx.Response] = {}
    is_over = asyncio.Event()

    async def visit() -> None:
        while not is_over.is_set():
            answer, key = await click(chain, link), secrets.token_hex(8)
            if answer.status_code == 302:
                seen.append(session_in(answer))
            if (posted := await post_event(chain, key)).status_code == 200:
                events[key] = posted

    async def seen_so_far() -> int:
        return len(seen)

    visitors = [asyncio.create_task(visit()) for _ in range(4)]
    for name in parts:
        enough = len(seen) + 20
        with chain.without(name):
            pass
        await chain.heal()
        await eventually(seen_so_far, enough.__le__)
    is_over.set()
    await asyncio.gather(*visitors)
    for session in seen:
        await eventually(stored_clicks(chain, session), lambda rows: rows == 1)
    for key, answer in events.items():
        await eventually(partial(chain.count, "events", "id", answer.json()["id"]), lambda rows: rows == 1)
        assert await chain.count("events", "session", f"session-{key}") == 1
