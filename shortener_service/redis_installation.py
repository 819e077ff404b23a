"""What Redis must be like to be a system of record, and what it remembers of this installation."""

import secrets

from redis.exceptions import ResponseError

from shortener_service.redis_calls import RedisCalls
from shortener_service.redis_keys import SECRET, SHARDS, Keys
from shortener_service.store import UnsuitableStoreError, store_incomplete


class RedisInstallation:
    """Checks Redis at start and keeps the marks of its completeness; `Installation` says what for."""

    def __init__(self, calls: RedisCalls, keys: Keys, fsync: str) -> None:
        self._calls = calls
        self._keys = keys
        self._fsync = fsync

    async def prepare(self) -> None:
        """Check that Redis keeps what it is given, and see to it that there is a secret."""
        # Asked first: while Redis loads its data this fails as "down", and is tried again.
        await self._calls.run_one("GET", SHARDS)
        await self._check_settings()
        await self._check_shards()
        await self._calls.run_one("SET", SECRET, secrets.token_bytes(32), "NX")

    async def learn(self) -> tuple[bytes, bytes]:
        """Return the secret that codes are derived with, and the generation that it is of."""
        # The marker first: a restore writes it last.
        generation, secret = await self._calls.run([("GET", self._keys.markers[0]), ("GET", SECRET)])
        if secret is None:
            raise store_incomplete()
        return secret, generation or b""

    async def is_complete(self) -> bool:
        """Tell whether every shard is marked as holding all its data."""
        markers = await self._calls.run([("GET", key) for key in self._keys.markers])
        return markers[0] is not None and len(set(markers)) == 1

    async def _check_settings(self) -> None:
        if await self._setting("appendonly") != "yes":
            raise UnsuitableStoreError("Redis has no append-only file and would forget links: set `appendonly yes`.")
        fsync = await self._setting("appendfsync")
        if fsync != self._fsync:
            raise UnsuitableStoreError(
                f"Redis has `appendfsync {fsync}`, and CLICKTRAIL_REDIS_FSYNC says `{self._fsync}`: make them equal."
            )
        policy = await self._setting("maxmemory-policy")
        if policy != "noeviction":
            raise UnsuitableStoreError(
                f"Redis has `maxmemory-policy {policy}` and would drop links: set `maxmemory-policy noeviction`."
            )

    async def _setting(self, name: str) -> str:
        (reply,) = await self._calls.run_leniently([("CONFIG", "GET", name)])
        if isinstance(reply, ResponseError):
            raise UnsuitableStoreError(f"Redis does not say its `{name}`: allow `CONFIG GET` for this user. ({reply})")
        return str(reply[1].decode())

    async def _check_shards(self) -> None:
        count = self._keys.shards.count
        _, kept = await self._calls.run([("SET", SHARDS, count, "NX"), ("GET", SHARDS)])
        if int(kept) != count:
            raise UnsuitableStoreError(
                f"Redis holds data in {int(kept)} shards: set CLICKTRAIL_OUTBOX_SHARDS={int(kept)}; it is {count}."
            )
