"""Keeps fresh sessions and what is to be delivered in Redis, and tells which links were changed."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from common.errors import ClicktrailError
from common.ids import SESSION_LENGTH
from shortener_service.links.link import LinkKey
from shortener_service.links.store import CHANGES_NAMED, key_of
from shortener_service.redis.client import Command, RedisCalls, Script
from shortener_service.redis.keyspace import Keys

ANY: Final = None
News = Sequence[LinkKey] | ClicktrailError | None
"""The links of a shard that were changed, `ANY` where it may be any of them, or why that cannot be told."""

_APPEND = Script(__package__, "append_clicks.lua", appends=True)

COUNT = "n"


class ClickStore(Protocol):
    """Keeps fresh sessions, and what is to be delivered.

    A Protocol, since there are two: Redis, and what delivers to tracking while Redis does not answer.
    """

    async def append(self, shard: int, sessions: dict[str, bytes], delivery: bytes, business_id: str = "") -> bool:
        """Keep sessions of one shard and append a delivery, atomically; tell whether the outbox had room.

        For what is not all of one business, that is the half of its room which is anybody's.
        """

    async def get_sessions(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the fresh ones among these sessions."""


class RedisClickStore:
    """Keeps fresh sessions and what is to be delivered in Redis."""

    def __init__(
        self,
        calls: RedisCalls,
        keys: Keys,
        *,
        outbox_limit_a_shard: int,
        session_ttl_seconds: int,
        appended: Callable[[int], None],
    ) -> None:
        self._calls = calls
        self._keys = keys
        self._limit = outbox_limit_a_shard
        self._ttl = session_ttl_seconds
        self._appended = appended

    async def append(self, shard: int, sessions: dict[str, bytes], delivery: bytes, business_id: str = "") -> bool:
        """Keep sessions of one shard and append a delivery, atomically; tell whether the outbox had room."""
        keys = [self._keys.outboxes[shard], self._keys.counts[shard], *map(self._keys.session, sessions)]
        command = _APPEND.call(keys, (self._limit, business_id, delivery, self._ttl, *sessions.values()))
        has_room = bool(await self._calls.run_one(*command))
        if has_room:
            self._appended(shard)
        return has_room

    async def get_sessions(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the fresh ones among these sessions; what cannot be one of ours is not looked for."""
        by_shard: dict[int, list[str]] = {}
        for session in ids:
            if len(session) == SESSION_LENGTH and session.isascii() and session.isalnum():
                by_shard.setdefault(self._keys.shards.of_session(session), []).append(session)
        replies = self._calls.unless_all_failed(
            await self._calls.run_apart(
                [("MGET", *(self._keys.session(session) for session in members)) for members in by_shard.values()]
            )
        )
        found: dict[str, bytes] = {}
        for members, values in zip(by_shard.values(), replies, strict=True):
            if isinstance(values, ClicktrailError):
                # A claim goes on without what cannot be told.
                continue
            found |= {session: value for session, value in zip(members, values, strict=True) if value is not None}
        return found


class RedisChanges:
    """The links that were changed, by any process, since this one last read."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys.changes
        # How many changes of a shard were told; None: it was never asked.
        self._told: list[int | None] = [None] * len(self._keys)

    async def read(self) -> list[News]:
        """Return for each shard what was changed since the last time; what cannot be told now is told the next time.

        The first time it is `ANY`.
        """
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
            if told is not None and told < count <= told + CHANGES_NAMED:
                behind.append((shard, told, count))
            # A count that went back is another store's.
            news.append(() if told == count else ANY)
        replies = await self._calls.run_apart([self._names(*each) for each in behind])
        for (shard, told, _), reply in zip(behind, replies, strict=True):
            news[shard] = reply if isinstance(reply, ClicktrailError) else _named(reply, told)
        return news

    def _names(self, shard: int, told: int, count: int) -> Command:
        places = [str(number % CHANGES_NAMED) for number in range(told + 1, count + 1)]
        return ("HMGET", self._keys[shard], COUNT, *places)


def _named(reply: Sequence[bytes | None], told: int) -> News:
    """Return the links that a shard names, of which so many changes were told before."""
    count, *fields = reply
    if not told < int(count or 0) <= told + CHANGES_NAMED:
        # Others have taken the places of some, meanwhile.
        return ANY
    links = [key_of(field.decode()) for field in fields if field is not None]
    return links if len(links) == len(fields) else ANY
