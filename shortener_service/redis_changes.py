"""Which links were changed, in Redis: in each shard how many changes there ever were, and the links of the latest."""

from collections.abc import Sequence

from common.errors import ClicktrailError
from shortener_service.links.store import key_of
from shortener_service.redis.client import Command, RedisCalls
from shortener_service.redis.keyspace import Keys
from shortener_service.store import ANY, News

COUNT = "n"
# So many of the latest a shard names, as the scripts know that write them; with their count they fit a packed hash.
NAMED = 256


class RedisChanges:
    """The changes as one process hears of them; `ChangeFeed` says what for."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys.changes
        # How many changes of a shard were told; None: it was never asked.
        self._told: list[int | None] = [None] * len(self._keys)

    async def read(self) -> list[News]:
        """Return for each shard what was changed since the last time."""
        replies = await self._calls.run_apart([("HGET", key, COUNT) for key in self._keys])
        counts = [reply if isinstance(reply, ClicktrailError) else int(reply or 0) for reply in replies]
        news = await self._news(counts)
        # Only now: what fails on the way is told the next time.
        for shard, (count, told) in enumerate(zip(counts, news, strict=True)):
            if not isinstance(count, ClicktrailError) and not isinstance(told, ClicktrailError):
                self._told[shard] = count
        return news

    async def _news(self, counts: Sequence[int | ClicktrailError]) -> list[News]:
        news: list[News] = []
        behind: list[tuple[int, int, int]] = []
        for shard, (told, count) in enumerate(zip(self._told, counts, strict=True)):
            if isinstance(count, ClicktrailError):
                news.append(count)
                continue
            if told is not None and told < count <= told + NAMED:
                behind.append((shard, told, count))
            # A count that went back is another store's.
            news.append(() if told == count else ANY)
        replies = await self._calls.run_apart([self._names(*each) for each in behind])
        for (shard, told, _), reply in zip(behind, replies, strict=True):
            news[shard] = reply if isinstance(reply, ClicktrailError) else _named(reply, told)
        return news

    def _names(self, shard: int, told: int, count: int) -> Command:
        places = [str(number % NAMED) for number in range(told + 1, count + 1)]
        return ("HMGET", self._keys[shard], COUNT, *places)


def _named(reply: Sequence[bytes | None], told: int) -> News:
    """Return the links that a shard names, of which so many changes were told before."""
    count, *fields = reply
    if not told < int(count or 0) <= told + NAMED:
        # Others have taken the places of some, meanwhile.
        return ANY
    links = [key_of(field.decode()) for field in fields if field is not None]
    return links if len(links) == len(fields) else ANY
