"""Fresh sessions in Redis, kept in one script with what goes to the outbox."""

from collections.abc import Callable, Sequence

from common.errors import ClicktrailError
from common.ids import SESSION_LENGTH
from shortener_service.redis.client import RedisCalls, Script
from shortener_service.redis.keyspace import Keys

_APPEND = Script(__package__, "append_flight.lua")


class RedisFlightStore:
    """Keeps fresh sessions and what is to be delivered; `FlightStore` says what for."""

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

    async def append(self, shard: int, sessions: dict[str, bytes], delivery: bytes) -> bool:
        """Keep sessions of one shard and append a delivery, atomically; tell whether the outbox had room."""
        keys = [self._keys.outboxes[shard], *(self._keys.session(session) for session in sessions)]
        command = _APPEND.call(keys, (self._limit, delivery, self._ttl, *sessions.values()))
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
