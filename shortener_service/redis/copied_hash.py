"""A hash whose entries have second copies: few enough to be read as a whole, and none is ever deleted."""

from common import clock
from shortener_service.errors import store_incomplete
from shortener_service.redis.client import RedisCalls, Script

_SWAP = Script(__package__, "swap_entry.lua")


class CopiedHash:
    """A hash in the first shard, by name; what was removed stays in it, so that its copy can say so too."""

    def __init__(self, calls: RedisCalls, key: str, marker: str) -> None:
        self._calls = calls
        self._key = key
        self._marker = marker

    async def values(self) -> list[bytes]:
        """Return what all entries hold. Raises STORE_INCOMPLETE where the store was emptied."""
        # The marker first: what is read behind it was complete then, or holds what a restore has written since.
        marker, flat = await self._calls.run([("EXISTS", self._marker), ("HGETALL", self._key)])
        if not marker and not flat:
            raise store_incomplete()
        return list(flat[1::2])

    async def value(self, name: str) -> bytes | None:
        """Return what one entry holds; None where there is none."""
        content: bytes | None = await self._calls.run_one("HGET", self._key, name)
        return content

    async def swap(self, name: str, old: bytes | None, new: bytes) -> bool:
        """Replace what an entry holds, unless that is not the old one any more. Raises STORE_INCOMPLETE."""
        reply = await self._calls.run_one(*_SWAP.call([self._key, self._marker], (name, old or b"", new)))
        if reply == b"INCOMPLETE":
            raise store_incomplete()
        return bool(reply)


def next_revision(last: int | None) -> int:
    """Return the revision of a change: of two copies the later one counts."""
    return max(clock.milliseconds(clock.now()), last + 1 if last else 0)
