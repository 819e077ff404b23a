"""Restarts that nobody notices: a service that is killed or stopped, and comes back, costs its callers only time."""

import asyncio
import secrets
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal

import httpx
import pytest

from tests.e2e.outages.visitors import assert_all_stored_once, click, is_redirect, make_link, post_event
from tests.support.killable import PATIENT, KillableSystem
from tests.support.waiting import eventually

WAITING = 20


class Visitors:
    """Clients that click and post one after the other and repeat nothing, until told to go."""

    def __init__(self, visit: Callable[[], Awaitable[httpx.Response]], count: int = 4) -> None:
        self.answers: list[httpx.Response] = []
        self._visit = visit
        self._is_over = asyncio.Event()
        self._tasks = [asyncio.create_task(self._go_on()) for _ in range(count)]

    async def see(self, count: int) -> None:
        """Return when so many more have been answered."""
        enough = len(self.answers) + count
        await eventually(self._seen, enough.__le__, limit_seconds=180)

    async def leave(self) -> None:
        """Return when the last has been answered; raise what went wrong with any."""
        self._is_over.set()
        await asyncio.gather(*self._tasks)

    async def _seen(self) -> int:
        return len(self.answers)

    async def _go_on(self) -> None:
        while not self._is_over.is_set():
            self.answers.append(await self._visit())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("name", ["shortener", "tracking"])
async def test_nobody_notices_a_restart(
    chain: KillableSystem, name: Literal["shortener", "tracking"], number: signal.Signals
) -> None:
    """Killed or stopped under clicks and events, and started again: all succeed, and are stored once."""
    link = await make_link(chain)
    clicking = Visitors(partial(click, chain, link))
    posting = Visitors(lambda: post_event(chain, secrets.token_hex(8)))
    await asyncio.gather(clicking.see(20), posting.see(20))
    chain.part(name).signal(number)
    await asyncio.to_thread(chain.part(name).wait, 60)
    await asyncio.sleep(0.2)
    chain.part(name).spawn()
    await asyncio.gather(clicking.see(40), posting.see(40))
    await asyncio.gather(clicking.leave(), posting.leave())
    assert Counter(answer.status_code for answer in clicking.answers) == {302: len(clicking.answers)}
    assert Counter(answer.status_code for answer in posting.answers) == {200: len(posting.answers)}
    await chain.heal()
    await assert_all_stored_once(chain, clicking.answers, posting.answers)


async def test_a_gateway_that_stops_answers_what_it_has_taken(chain: KillableSystem) -> None:
    """Every request that it has read is answered, each connection is closed in order, and no click is lost."""
    link = await make_link(chain)
    gateway = chain.another_gateway("leaving", PATIENT | {"DRAIN_SECONDS": "60"})
    await asyncio.to_thread(gateway.start)
    host, _, port = gateway.url.removeprefix("http://").rpartition(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(WAITING)]
    with chain.without("shortener", way="frozen"):
        request = f"GET /{link['code']} HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0 (iPhone)\r\n\r\n".encode()
        for _, writer in connections:
            writer.write(request)
            await writer.drain()
        for _ in range(3):
            # What came before has been read when this is answered.
            async with chain.client(gateway) as operator:
                assert (await operator.get("/healthz")).status_code == 200
        gateway.signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
    answers = await asyncio.gather(*(_read_to_the_end(reader) for reader, _ in connections))
    for _, writer in connections:
        writer.close()
        await writer.wait_closed()
    assert await asyncio.to_thread(gateway.wait, 60)
    assert gateway.exit_code == 0
    for answer in answers:
        assert answer.status_code == 302, answer
        assert is_redirect(answer)
        assert answer.headers["connection"] == "close"
    await chain.heal()
    await assert_all_stored_once(chain, answers, [])


async def _read_to_the_end(reader: asyncio.StreamReader) -> httpx.Response:
    """Return the one answer that a connection carries before the server closes it."""
    head, _, body = (await asyncio.wait_for(reader.read(-1), 180)).partition(b"\r\n\r\n")
    assert body == b""
    status, *lines = head.decode("latin-1").split("\r\n")
    headers: Any = [tuple(line.split(": ", 1)) for line in lines]
    return httpx.Response(int(status.split()[1]), headers=headers)
