"""The reply to one very request is swallowed and the connection cut: who asked asks again, and nothing is doubled."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from tests.faults.chain import Business, Chain
from tests.faults.http_client import Answer, AnswerLostError, Connection, get, post
from tests.faults.load import FOUND, FROM_SERVER, OK, PHONE, Link, make_links
from tests.faults.record import Record
from tests.faults.recount import differences
from tests.faults.stores import Stores
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

DROPPED_SECONDS = 60


@dataclass
class Shop:
    """A business with links, a client, and a name that its requests carry through every process as their user agent."""

    chain: Chain
    business: Business
    links: list[Link]
    connection: Connection
    agent: str
    stores: Stores
    record: Record
    tries: int = 0
    """Requests made as `agent`: on a slow machine one may be refused and made again."""

    async def until(self, request: bytes, status: int) -> Answer:
        """Ask again, as clients do, until the answer is this one."""

        async def ask() -> Answer | None:
            self.tries += 1
            try:
                return await self.connection.ask(request)
            except AnswerLostError:
                return None

        answer = await eventually(ask, lambda seen: seen is not None and seen.status == status)
        assert answer is not None
        return answer

    async def click(self) -> str:
        """Click and return the session."""
        return _session_of(await self.until(get(self.links[0].path, self.agent), FOUND))

    def order(self) -> bytes:
        """Return the request of an order with a key of its own."""
        key = secrets.token_hex(8)
        order = {"action": "order.placed", "profile": "ana", "amount": "3.95", "metadata": {"key": key},
                 "object_parameters": {"reference": key}}  # fmt: skip
        headers = (f"Idempotency-Key: {key}", f"User-Agent: {self.agent}")
        return post(FROM_SERVER, json.dumps(order).encode(), self.business.token, *headers)

    async def stored(self, table: str) -> int:
        """Wait until nothing is under way, see that counters agree, and return the rows of this user agent."""
        await self.stores.drain(self.record)
        rows = await self.stores.rows(self.business.id)
        assert not any(differences(rows).values())
        query = f"SELECT count(*) FROM {table} WHERE user_agent = $1"  # noqa: S608  (our own tables)
        ((count,),) = await self.stores.fetch(query, self.agent)
        return int(count)


@pytest_asyncio.fixture
async def shop(chain: Chain) -> AsyncIterator[Shop]:
    """Return a business whose link has been clicked, so that every script and connection is there."""
    await chain.until_ready()
    business = await chain.make_business()
    port = chain.proxy("http").port
    links = await make_links(port, business, 3)
    agent = f"{PHONE} Trail/{secrets.token_hex(8)}"
    shop = Shop(chain, business, links, Connection(port), PHONE, Stores(chain), Record())
    await shop.click()
    await shop.stores.drain(shop.record)
    shop.agent, shop.tries = agent, 0
    yield shop
    await shop.connection.close()


@pytest.mark.parametrize("way", ["redis", "redirects", "relay", "postgres"])
async def test_a_click_is_stored_once(shop: Shop, way: str) -> None:
    """Whether Redis, the shortener, tracking or PostgreSQL had done it already when its word was lost."""
    drop = shop.chain.proxy(way).drop_reply(shop.agent.encode())
    session = await shop.click()
    await asyncio.wait_for(drop.dropped, DROPPED_SECONDS)
    assert await shop.stored("clicks") in range(1, shop.tries + 1)
    assert [row["session"] for row in await _clicks(shop)].count(session) == 1


@pytest.mark.parametrize("way", ["http", "intake", "postgres"])
async def test_an_event_is_stored_once(shop: Shop, way: str) -> None:
    """Whether the gateway, tracking or PostgreSQL had done it already when its word was lost."""
    drop = shop.chain.proxy(way).drop_reply(shop.agent.encode())
    order = shop.order()
    first = json.loads((await shop.until(order, OK)).body)["id"]
    await asyncio.wait_for(drop.dropped, DROPPED_SECONDS)
    assert json.loads((await shop.until(order, OK)).body)["id"] == first
    shop.record.acknowledge(_key_of(order), first)
    assert await shop.stored("events") == 1


async def test_a_click_made_again_is_a_click_of_its_own(shop: Shop) -> None:
    """Where the answer to a person is lost, the click was made all the same; the next one has its own session."""
    drop = shop.chain.proxy("http").drop_reply(shop.agent.encode())
    session = await shop.click()
    unheard = await asyncio.wait_for(drop.dropped, DROPPED_SECONDS)
    assert await shop.stored("clicks") in range(1, shop.tries + 1)
    expected = {session}
    if unheard.startswith(b"HTTP/1.1 302"):
        expected.add(_session_of(Answer(FOUND, unheard, b"")))
    assert expected <= {row["session"] for row in await _clicks(shop)}


async def test_a_relay_killed_before_it_heard_of_the_commit_delivers_again(shop: Shop) -> None:
    """Tracking has committed, its answer is on the way, and the shortener dies: the next one finds the entry."""
    drop = shop.chain.proxy("relay").drop_reply(shop.agent.encode(), is_cut=False)
    session = await shop.click()
    await asyncio.wait_for(drop.dropped, DROPPED_SECONDS)
    await shop.chain.kill("shortener")
    shop.chain.proxy("relay").cut()
    assert await shop.stored("clicks") in range(1, shop.tries + 1)
    assert [row["session"] for row in await _clicks(shop)].count(session) == 1


async def _clicks(shop: Shop) -> "list[asyncpg.Record]":
    return await shop.stores.fetch("SELECT session FROM clicks WHERE user_agent = $1", shop.agent)


def _session_of(answer: Answer) -> str:
    location = (answer.header(b"location") or b"").decode()
    return parse_qs(urlsplit(location).query)["hellotext_session"][0]


def _key_of(request: bytes) -> str:
    found: str = json.loads(request.partition(b"\r\n\r\n")[2])["metadata"]["key"]
    return found
