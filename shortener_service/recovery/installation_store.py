"""Keeps in Redis what an installation is known by."""

import secrets

from common.logging import get_logger
from common.rare_warnings import RareWarning
from shortener_service.errors import UnsuitableStoreError, store_incomplete
from shortener_service.recovery.data_format import DataFormat, Note
from shortener_service.redis.client import ErrorReply, RedisCalls
from shortener_service.redis.keyspace import FORMAT, SECRET, SHARDS, Keys
from shortener_service.redis.kind import check_kind, facts_in, is_replica, no_setting
from shortener_service.redis.node import store_down

log = get_logger(__name__)
_replica = RareWarning(
    log, "redis is a read-only replica: waiting for it to become the master, or name the master in CLICKTRAIL_REDIS_URL"
)


class RedisInstallation:
    """Checks Redis at start and keeps the marks of its completeness."""

    def __init__(self, calls: RedisCalls, keys: Keys, fsync: str, data_format: DataFormat) -> None:
        self._calls = calls
        self._keys = keys
        self._fsync = fsync
        self._format = data_format

    async def prepare(self) -> None:
        """Check that the store keeps what it is given, and see to it that there is a secret.

        Raises `UnsuitableStoreError` where another setting or release is needed.
        """
        await self._check_kind()
        # Asked before the rest: while Redis loads its data this fails as "down", and is tried again.
        await self._calls.run_one("GET", SHARDS)
        await self._check_settings()
        await self._warn_of_full_coverage()
        await self._check_shards()
        await self._check_format()
        await self._calls.run_one("SET", SECRET, secrets.token_bytes(32), "NX")

    async def learn(self) -> tuple[bytes, bytes]:
        """Return the secret that codes are derived with, and the generation that it is of.

        A store that is emptied and restored is of another generation then; one that is not complete has none. Raises
        STORE_INCOMPLETE where there is no secret.
        """
        # The marker first: a restore writes it last.
        generation, secret = await self._calls.run([("GET", self._keys.markers[0]), ("GET", SECRET)])
        if secret is None:
            raise store_incomplete()
        return secret, generation or b""

    async def is_complete(self) -> bool:
        """Tell whether every shard is marked as holding all its data."""
        markers = await self._calls.run([("GET", key) for key in self._keys.markers])
        return markers[0] is not None and len(set(markers)) == 1

    async def _check_kind(self) -> None:
        """Refuse what is no Redis to keep anything in, and count a replica as down: it may be made the master."""
        for reply in await self._calls.run_everywhere("INFO", "server"):
            check_kind(facts_in(reply))
        if any(map(is_replica, await self._calls.run_everywhere("ROLE"))):
            _replica.tell()
            raise store_down()

    async def _check_settings(self) -> None:
        for _ in await self._others_than("yes", "appendonly"):
            raise UnsuitableStoreError(
                "Redis has no append-only file and would forget links: set `appendonly yes`. Managed Redis that has no"
                " such log is not supported."
            )
        for fsync in await self._others_than(self._fsync, "appendfsync"):
            raise UnsuitableStoreError(
                f"Redis has `appendfsync {fsync}`, and CLICKTRAIL_REDIS_FSYNC says `{self._fsync}`: make them equal."
            )
        for policy in await self._others_than("noeviction", "maxmemory-policy"):
            raise UnsuitableStoreError(
                f"Redis has `maxmemory-policy {policy}` and would drop links: set `maxmemory-policy noeviction`."
            )

    async def _warn_of_full_coverage(self) -> None:
        """Tell of a cluster that stops as a whole when one of its nodes is away; a single server has no say in it."""
        replies = await self._calls.run_everywhere("CONFIG", "GET", "cluster-require-full-coverage")
        if len(replies) > 1 and any(not isinstance(reply, ErrorReply) and b"yes" in reply for reply in replies):
            log.warning("one node that is away stops all of redis: set `cluster-require-full-coverage no`")

    async def _others_than(self, wanted: str, name: str) -> list[str]:
        """Return what servers have that do not have the setting wanted."""
        replies = await self._calls.run_everywhere("CONFIG", "GET", name)
        for reply in replies:
            if isinstance(reply, ErrorReply) or not reply:
                raise no_setting(name, reply)
        values = [str(reply[1].decode()) for reply in replies]
        return [value for value in values if value != wanted]

    async def _check_shards(self) -> None:
        count = self._keys.shards.count
        _, kept = await self._calls.run([("SET", SHARDS, count, "NX"), ("GET", SHARDS)])
        if int(kept) != count:
            raise UnsuitableStoreError(
                f"Redis holds data in {int(kept)} shards: set CLICKTRAIL_OUTBOX_SHARDS={int(kept)}; it is {count}."
            )

    async def _check_format(self) -> None:
        kept = await self._calls.run_one("GET", FORMAT)
        note = Note.from_bytes(kept) if kept is not None else None
        if note:
            self._format.check(note)
        if (noted := self._format.noted(note)) != note:
            await self._calls.run_one("SET", FORMAT, noted.to_bytes())
