"""Which links were changed, in Redis: in each shard how many changes there ever were, and the links of the latest."""

from collections.abc import Sequence

from common.errors import ClicktrailError
from shortener_service.redis_calls import Command, RedisCalls
from shortener_service.redis_keys import Keys, key_of
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
        news: list[News] = []
        behind: list[tuple[int, int, int]] = []
        for shard, (told, reply) in enumerate(zip(self._told, replies, strict=True)):
            if isinstance(reply, ClicktrailError):
                news.append(reply)
                continue
            count = int(reply or 0)
            if told is not None and told < count <= told + NAMED:
                behind.append((shard, told, count))
            # A count that went back is another store's.
            news.append(() if told == count else ANY)
            self._told[shard] = count
        if behind:
            await self._name(behind, news)
        return news

    async def _name(self, behind: Sequence[tuple[int, int, int]], news: list[News]) -> None:
        """Put the links' names into the news of shards, of which so many changes were told and so many there are."""
        replies = await self._calls.run_apart([self._names(*each) for each in behind])
        for (shard, told, _), reply in zip(behind, replies, strict=True):
            if isinstance(reply, ClicktrailError):
                news[shard] = reply
                self._told[shard] = told
                continue
            count, *fields = reply
            # Else others have taken the places of some, meanwhile.
            if told < int(count or 0) <= told + NAMED and all(fields):
                news[shard] = [key_of(field.decode()) for field in fields]

    def _names(self, shard: int, told: int, count: int) -> Command:
        places = [str(number % NAMED) for number in range(told + 1, count + 1)]
        return ("HMGET", self._keys[shard], COUNT, *places)
