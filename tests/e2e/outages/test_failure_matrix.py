"""What is promised when something is down: redirects, their clicks, and events, by what is away."""

import asyncio
import secrets
from functools import partial

import httpx  # noqa: TC002  (an import for types alone costs more lines than it saves)
import pytest

from tests.e2e.outages.visitors import (
    assert_all_stored_once,
    assert_click_kept,
    assert_come_again,
    assert_event_can_be_sent_again,
    assert_event_kept,
    click,
    is_redirect,
    make_link,
    post_event,
    stored_clicks,
)
from tests.support.killable import KillableSystem, Part, Way, session_in
from tests.support.waiting import eventually

WAYS: tuple[Way, ...] = ("killed", "frozen")
TWO_STORES: tuple[tuple[Part, Part], ...] = (("redis", "postgres"), ("redis", "tracking"))

either_way = pytest.mark.parametrize("way", WAYS)


@either_way
async def test_without_postgres_clicks_wait_in_the_outbox(chain: KillableSystem, way: Way) -> None:
    """Redirects are served as ever; their clicks are stored when PostgreSQL is back."""
    link = await make_link(chain)
    with chain.without("postgres", way=way):
        answers = await asyncio.gather(*(click(chain, link) for _ in range(10)))
    for answer in answers:
        await assert_click_kept(chain, answer)


@either_way
async def test_without_postgres_events_wait_in_the_spool(chain: KillableSystem, way: Way) -> None:
    """Events are acknowledged once they are on the disk, and stored when PostgreSQL is back."""
    keys = [secrets.token_hex(8) for _ in range(10)]
    with chain.without("postgres", way=way):
        answers = await asyncio.gather(*(post_event(chain, key) for key in keys))
    for key, answer in zip(keys, answers, strict=True):
        await assert_event_kept(chain, key, answer)


@either_way
async def test_the_spool_outlives_tracking(chain: KillableSystem, way: Way) -> None:
    """Tracking may be killed and started again while PostgreSQL is away: it still judges, and forgets nothing."""
    keys = [secrets.token_hex(8) for _ in range(3)]
    with chain.without("postgres", way=way):
        answers = [await post_event(chain, keys[0])]
        chain.part("tracking").kill()
        chain.part("tracking").spawn()
        answers += [await post_event(chain, key) for key in keys[1:]]
    for key, answer in zip(keys, answers, strict=True):
        await assert_event_kept(chain, key, answer)


@either_way
async def test_without_postgres_and_redis_events_wait_in_the_spool(chain: KillableSystem, way: Way) -> None:
    """The spool needs neither: better than asked to come again, and as durable."""
    key = secrets.token_hex(8)
    with chain.without("redis", "postgres", way=way):
        answer = await post_event(chain, key)
    await assert_event_kept(chain, key, answer)


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
    seen: list[httpx.Response] = []
    acknowledged: list[httpx.Response] = []
    is_over = asyncio.Event()

    async def visit() -> None:
        while not is_over.is_set():
            answer, posted = await click(chain, link), await post_event(chain, secrets.token_hex(8))
            seen.extend([answer] * (answer.status_code == 302))
            acknowledged.extend([posted] * (posted.status_code == 200))

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
    await assert_all_stored_once(chain, seen, acknowledged)
