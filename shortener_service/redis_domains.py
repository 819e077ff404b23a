"""Custom domains in Redis: one small hash. A removed one leaves its revision, so that its copies stay in order."""

from common import clock
from shortener_service.domain import Domain
from shortener_service.domain_copies import copy_from_bytes, copy_to_bytes
from shortener_service.errors import store_incomplete
from shortener_service.redis.client import RedisCalls, Script
from shortener_service.redis.keyspace import DOMAINS, Keys
from shortener_service.store import DomainCopy

_SWAP = Script(__package__, "swap_domain.lua")


class RedisDomainStore:
    """Keeps the custom domains; `DomainStore` says what for."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._calls = calls
        self._marker = keys.markers[0]

    async def all(self) -> dict[str, Domain]:
        """Return every domain by name."""
        return {copy.domain.name: copy.domain for copy in await self.copies() if not copy.is_removed}

    async def copies(self) -> list[DomainCopy]:
        """Return every domain there ever was, for their second copies."""
        # The marker first: what is read behind it was complete then, or holds what a restore has written since.
        marker, flat = await self._calls.run([("EXISTS", self._marker), ("HGETALL", DOMAINS)])
        if not marker and not flat:
            raise store_incomplete()
        return [copy_from_bytes(content) for content in flat[1::2]]

    async def swap(self, name: str, old: Domain | None, new: Domain | None) -> bool:
        """Put a domain in the place of what is there, unless that is not the old one any more."""
        content = await self._calls.run_one("HGET", DOMAINS, name)
        kept = copy_from_bytes(content) if content else None
        present = None if kept is None or kept.is_removed else kept.domain
        last = new or old
        if present != old or last is None:
            return False
        revision = max(clock.milliseconds(clock.now()), kept.revision + 1 if kept else 0)
        copy = copy_to_bytes(DomainCopy(last, revision, is_removed=new is None))
        reply = await self._calls.run_one(*_SWAP.call([DOMAINS, self._marker], (name, content or b"", copy)))
        if reply == b"INCOMPLETE":
            raise store_incomplete()
        return bool(reply)
