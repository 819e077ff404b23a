"""Remembered links: they are not read again, and every change of one is heard of."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from structlog.testing import capture_logs

from clicktrail.shortener.v1 import link_pb2
from common.errors import ClicktrailError
from shortener_service.links.link import LinkKey
from shortener_service.links.store import CHANGES_NAMED, RedisLinkStore, bucket_of
from shortener_service.links.templates import Templates
from shortener_service.redirects.link_cache import ASKING, LinkChanges, LiveLink, LiveLinks
from shortener_service.redirects.store import ANY, News, RedisChanges
from shortener_service.redis.client import RedisCalls
from shortener_service.redis.keyspace import Keys, Shards
from shortener_service.redis.node import store_down
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import Caller
from tests.support.waiting import eventually

ELSEWHERE = "https://shop.example.com/elsewhere"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for changes often, and let what was read hold for long: what shows a change has heard of it."""
    monkeypatch.setattr("shortener_service.redirects.link_cache.ASK_SECONDS", 0.02)
    monkeypatch.setattr("shortener_service.redirects.link_cache.FRESH_SECONDS", 60.0)


def location_of(caller: Caller, link: link_pb2.Link) -> Callable[[], Awaitable[str]]:
    """Return what clicks a link, and where that leads."""

    async def look() -> str:
        return (await caller.click(link.code)).location.split("?")[0]

    return look


async def swap_unheard(redis: Redis, link: link_pb2.Link, other: link_pb2.Link) -> None:
    """Give a link the record of another, by other means than ours."""
    record = await redis.hget(bucket_key(other.code), other.code)
    assert record is not None
    await redis.hset(bucket_key(link.code), link.code, record)


def bucket_key(code: str) -> str:
    """Return the hash that a link is in."""
    return Keys(Shards(16)).bucket(bucket_of(code))[1]


def changes_key(code: str) -> str:
    """Return where changes of a link are told."""
    keys = Keys(Shards(16))
    return keys.changes[keys.bucket(bucket_of(code))[0]]


async def until_told(caller: Caller, link: link_pb2.Link) -> None:
    """Click, and wait until the changes that this asks for are told."""
    await caller.click(link.code)
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == ASKING))


@on_a_cluster_too
async def test_changes_by_another_process_are_heard_of(start: Start, shortener: Caller) -> None:
    """Of one link again and again, and of many at once."""
    other = await start()
    links = [await shortener.create(message=f"message-{number}") for number in range(40)]
    for link in links:
        await other.click(link.code)
    await until_told(other, links[0])
    for number in range(3):
        await shortener.update(links[0].id, destination=f"{ELSEWHERE}/{number}")
        await eventually(location_of(other, links[0]), f"{ELSEWHERE}/{number}".__eq__)
    await asyncio.gather(*(shortener.update(link.id, destination=ELSEWHERE) for link in links))
    for link in links:
        await eventually(location_of(other, link), ELSEWHERE.__eq__)


async def test_ones_own_change_shows_at_once(shortener: Caller) -> None:
    """Nobody has to ask for it."""
    link = await shortener.create()
    await until_told(shortener, link)
    await shortener.update(link.id, destination=ELSEWHERE)
    assert await location_of(shortener, link)() == ELSEWHERE


@on_a_cluster_too
@pytest.mark.parametrize(
    "count", [CHANGES_NAMED + 1, 1_000_000, -1], ids=["one too many", "far too many", "another store"]
)
async def test_where_not_all_changes_are_named_all_is_read_again(
    shortener: Caller, redis: Redis, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Many changes at once, or a store whose count went back."""
    monkeypatch.setattr("shortener_service.redirects.link_cache.FRESH_SECONDS", 0.3)
    link, other = await shortener.create(), await shortener.create(destination=ELSEWHERE)
    await redis.hset(changes_key(link.code), "n", 10)
    await until_told(shortener, link)
    await swap_unheard(redis, link, other)
    await redis.hincrby(changes_key(link.code), "n", count)
    await eventually(location_of(shortener, link), ELSEWHERE.__eq__)


@on_a_cluster_too
async def test_after_a_pause_all_is_read_again(
    shortener: Caller, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile a store may have been lost and restored, and its changes have come to the same number again."""
    monkeypatch.setattr("shortener_service.redirects.link_cache.FRESH_SECONDS", 5.0)
    clock = Clock(monkeypatch)
    link, other = await shortener.create(), await shortener.create(destination=ELSEWHERE)
    for _ in range(3):
        await until_told(shortener, link)
        clock.now += 4
    await swap_unheard(redis, link, other)
    clock.now += 6
    await until_told(shortener, other)
    assert await location_of(shortener, link)() == ELSEWHERE


@on_a_cluster_too
async def test_where_changes_cannot_be_told_links_are_read_again(
    shortener: Caller, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time for which what was read holds; and when they can be told again, they are."""
    link, other = await shortener.create(), await shortener.create(destination=ELSEWHERE)
    await until_told(shortener, link)
    before = await location_of(shortener, link)()
    await redis.set(changes_key(link.code), "no hash")
    await until_told(shortener, link)
    await swap_unheard(redis, link, other)
    assert await location_of(shortener, link)() == before
    monkeypatch.setattr("shortener_service.redirects.link_cache.FRESH_SECONDS", 0.3)
    await eventually(location_of(shortener, link), ELSEWHERE.__eq__)
    await redis.delete(changes_key(link.code))
    await until_told(shortener, link)
    await shortener.update(link.id, destination=f"{ELSEWHERE}/again")
    await eventually(location_of(shortener, link), f"{ELSEWHERE}/again".__eq__)


class InTheMeantime(RedisLinkStore):
    """A store in which something happens between a reading and its answer."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        super().__init__(calls, keys, outbox_limit_a_shard=1_000, appended=lambda _shard: None)
        self.happens: Callable[[], Awaitable[None]] | None = None

    async def get_records(self, keys: Any) -> list[bytes | ClicktrailError | None]:
        """Read, and let it happen once."""
        records = await super().get_records(keys)
        if self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()
        return records


@pytest_asyncio.fixture
async def calls(redis_url: str) -> AsyncIterator[RedisCalls]:
    """Return the way to the store."""
    calls = RedisCalls(redis_url)
    yield calls
    await calls.close()


@on_a_cluster_too
async def test_a_reading_that_a_change_overtakes_is_not_remembered(
    shortener: Caller, calls: RedisCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link was read before the change, and its record arrives after the word of it."""
    shards = Shards(16)
    keys = Keys(shards)
    store = InTheMeantime(calls, keys)
    links = LiveLinks(store, Templates(store, ("s",), 10), RedisChanges(calls, keys), shards, 10)
    made = await shortener.create()
    key = LinkKey("", made.code)

    async def destination() -> str:
        link = (await links.read([key]))[key]
        assert isinstance(link, LiveLink)
        return link.known.template.destination

    async def change_and_tell() -> None:
        await shortener.update(made.id, destination=ELSEWHERE)
        links.forget(key)

    try:
        monkeypatch.setattr("shortener_service.redirects.link_cache.ASK_SECONDS", 60.0)
        store.happens = change_and_tell
        assert await destination() == made.destination
        assert await destination() == ELSEWHERE
    finally:
        await links.close()


@on_a_cluster_too
async def test_the_feed_names_each_change_once(shortener: Caller, redis: Redis, calls: RedisCalls) -> None:
    """To each reader since it first asked, and only in the shard that it was in."""
    keys = Keys(Shards(16))
    feed, late = RedisChanges(calls, keys), RedisChanges(calls, keys)
    link = await shortener.create()
    shard = keys.bucket(bucket_of(link.code))[0]
    assert await feed.read() == [ANY] * 16
    await shortener.update(link.id, destination=ELSEWHERE)
    assert await late.read() == [ANY] * 16
    news: list[News] = [()] * 16
    assert await late.read() == news
    news[shard] = [LinkKey("", link.code)]
    assert await feed.read() == news
    news[shard] = ()
    assert await feed.read() == news
    await redis.hincrby(changes_key(link.code), "n", CHANGES_NAMED)
    # Counted, and never named: so it may be any.
    news[shard] = ANY
    assert await feed.read() == news


class Clock:
    """What links go by in a test, in place of `time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr("shortener_service.redirects.link_cache.time", self)

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@on_a_cluster_too
async def test_a_remembered_link_is_not_read_again(
    shortener: Caller, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as changes are told, and it is not, up to the time after which nothing is trusted."""
    monkeypatch.setattr("shortener_service.redirects.link_cache.FRESH_SECONDS", 5.0)
    link, other = await shortener.create(), await shortener.create(destination=ELSEWHERE)
    clock = Clock(monkeypatch)
    await until_told(shortener, link)
    before = await location_of(shortener, link)()
    # Changes are told since the first click, and not since before: so it is read once more.
    for _ in range(2):
        clock.now += 4
        await until_told(shortener, link)
    await swap_unheard(redis, link, other)
    for _ in range(149):
        clock.now += 4
        assert await location_of(shortener, link)() == before
        await until_told(shortener, other)
    clock.now += 4
    assert await location_of(shortener, link)() == ELSEWHERE


class Feed:
    """A feed that tells what it is given, or fails."""

    def __init__(self, news: list[News]) -> None:
        self.news = news
        self.asked = 0

    async def read(self) -> list[News]:
        """Tell it."""
        self.asked += 1
        if not self.news:
            raise ZeroDivisionError
        return self.news


async def test_a_feed_that_fails_is_asked_again() -> None:
    """A fault of ours in it takes nothing but the word of changes, and is logged."""
    feed = Feed([])
    changes = LinkChanges(feed.read, 2, lambda _key: None)

    async def asked() -> int:
        changes.refresh_if_due(100.0 + feed.asked)
        assert changes.trusted_since(100.0 + feed.asked) == [40.0 + feed.asked] * 2
        return feed.asked

    with capture_logs() as lines:
        await eventually(asked, (3).__le__)
    await changes.close()
    assert {line["event"] for line in lines} == {"changed links cannot be read"}


@pytest.mark.parametrize("failure", ["of the shard", "of the feed", "to ask"])
async def test_behind_a_gap_nothing_is_trusted_that_was_read_before(
    monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    """Whether the shard could not tell, nobody could, or nobody asked for a while."""
    monkeypatch.setattr("shortener_service.redirects.link_cache.FRESH_SECONDS", 5.0)
    monkeypatch.setattr("shortener_service.redirects.link_cache.ASK_SECONDS", 1.0)
    clock = Clock(monkeypatch)
    feed = Feed([ANY])
    changes = LinkChanges(feed.read, 1, lambda _key: None)

    async def tell(*news: News) -> list[float]:
        feed.news = list(news)
        changes.refresh_if_due(clock.now)
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == ASKING))
        return changes.trusted_since(clock.now)

    began = clock.now
    await tell(ANY)
    for _ in range(4):
        clock.now += 4
        assert await tell(()) == [min(began, clock.now - 5.0)]
    match failure:
        case "of the shard":
            clock.now += 2
            assert await tell(store_down()) == [clock.now - 5.0]
            clock.now += 2
        case "of the feed":
            clock.now += 2
            assert await tell() == [began]
            clock.now += 2
        case _:
            clock.now += 6
    gap = clock.now
    assert await tell(()) == [gap - 5.0]
    for _ in range(3):
        clock.now += 4
        assert await tell(()) == [min(gap, clock.now - 5.0)]
    await changes.close()
