"""What is too much is refused at once, while what was taken waits for its answer."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterable

import httpx
import pytest

from cli.embedded.server_process import ServerProcess
from tests.e2e.outages.visitors import assert_come_again, click, is_redirect, make_link, post_event
from tests.support.killable import PATIENT, KillableSystem

ROOM = 20
SENT = 100
NARROW = PATIENT | {
    "QUEUE_LIMIT": str(ROOM),
    "FLIGHT_SIZE": "1",
    "REDIRECT_FLIGHTS_IN_AIR": "1",
    "EVENT_FLIGHTS_IN_AIR": "1",
}


@pytest.fixture
async def narrow(chain: KillableSystem) -> AsyncIterator[ServerProcess]:
    """Run a gateway with little room, whose calls wait for long."""
    gateway = chain.another_gateway("narrow", NARROW)
    await asyncio.to_thread(gateway.start)
    yield gateway
    await asyncio.to_thread(gateway.stop)


async def first_of(tasks: Iterable[Awaitable[httpx.Response]], count: int) -> list[httpx.Response]:
    """Return the answers that come first."""
    answers: list[httpx.Response] = []
    for answer in asyncio.as_completed(list(tasks)):
        answers.append(await answer)
        if len(answers) == count:
            break
    return answers


async def test_clicks_beyond_the_queue_are_refused_at_once(chain: KillableSystem, narrow: ServerProcess) -> None:
    """The shortener hangs: as many as the queue takes wait for it, and are redirected; the others hear at once."""
    link = await make_link(chain)
    with chain.without("shortener", way="frozen"):
        tasks = [asyncio.create_task(click(chain, link, narrow)) for _ in range(SENT)]
        # Nothing can be answered yet but refusals. One is in the air, and as many as there is room wait.
        for refused in await first_of(tasks, SENT - ROOM - 1):
            assert_come_again(refused)
    answers = await asyncio.gather(*tasks)
    assert sum(is_redirect(answer) for answer in answers if answer.status_code == 302) == ROOM + 1


async def test_events_beyond_the_room_are_refused_at_once(chain: KillableSystem, narrow: ServerProcess) -> None:
    """Tracking hangs: as many requests as there is room for wait for it, and are taken; the others hear at once."""
    with chain.without("tracking", way="frozen"):
        tasks = [asyncio.create_task(post_event(chain, secrets.token_hex(8), narrow)) for _ in range(SENT)]
        for refused in await first_of(tasks, SENT - ROOM):
            assert_come_again(refused)
            assert refused.json()["errors"][0]["type"] == "unavailable"
    answers = await asyncio.gather(*tasks)
    assert sum(answer.status_code == 200 for answer in answers) == ROOM


async def test_more_connections_than_room_are_answered(chain: KillableSystem, narrow: ServerProcess) -> None:
    """Connections that do nothing keep nobody out, though there are more of them than requests may wait."""
    link = await make_link(chain)
    host, _, port = narrow.url.removeprefix("http://").rpartition(":")
    others = [("127.0.0.8", 0), ("127.0.0.9", 0)]
    idle = [await asyncio.open_connection(host, int(port), local_addr=one) for one in others * (5 * SENT)]
    try:
        assert is_redirect(await click(chain, link, narrow))
    finally:
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
