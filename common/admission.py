"""Bounds what is under way: beyond, work is refused at once instead of waiting for its time to end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType

from common.errors import overloaded


class Places:
    """So many things may be under way; one more is from `take` to `give_back`, or inside of `with`."""

    def __init__(self, places: int) -> None:
        self._left = places

    def take(self) -> None:
        """Take a place. Raises UNAVAILABLE (`OVERLOADED`) where none is left."""
        if self._left <= 0:
            raise overloaded()
        self._left -= 1

    def give_back(self) -> None:
        """Leave a place to the next."""
        self._left += 1

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()


class SharedRoom:
    """Room for so many bytes. Half of it is anybody's; of the rest, nobody holds more than is left to all others.

    So one has three quarters at most, two have five sixths, and there is always something left for who holds little.
    Who has what of the first half is not counted.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._held: Counter[str] = Counter()
        """What was taken beyond half, by holder."""

    def take(self, holder: str, size: int, used_bytes: int) -> bool:
        """Take so many bytes where so many are used; tell whether they were there for this holder."""
        used_bytes += size
        if 2 * used_bytes <= self.limit_bytes:
            return True
        if self._held[holder] + size > self.limit_bytes - used_bytes:
            return False
        self._held[holder] += size
        return True

    def give_back(self, holder: str, size: int) -> None:
        """Free so many bytes. Those taken before half was used count too: as much less is used."""
        left = self._held.pop(holder, 0) - size
        if left > 0:
            self._held[holder] = left


class Shares:
    """So many things may be under way for each of several who share something; the others of the same one wait.

    So nobody takes all of it, however much they ask for. Who nothing is under way for is not remembered.
    """

    def __init__(self, places: int, waiting_limit: int, waiting_seconds: float) -> None:
        self._places = places
        self._waiting_limit = waiting_limit
        self._waiting_seconds = waiting_seconds
        self._holders: dict[str, _Holder] = {}

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        """Take a place of one of them. Raises UNAVAILABLE (`OVERLOADED`) where too many wait, or for too long."""
        holder = self._holders.setdefault(key, _Holder(asyncio.Semaphore(self._places)))
        if holder.asking >= self._places + self._waiting_limit:
            raise overloaded()
        holder.asking += 1
        try:
            await _within(holder.places.acquire(), self._waiting_seconds)
            try:
                yield
            finally:
                holder.places.release()
        finally:
            holder.asking -= 1
            if not holder.asking:
                self._holders.pop(key, None)


@dataclass(slots=True)
class _Holder:
    places: asyncio.Semaphore
    asking: int = 0


async def _within(acquiring: Awaitable[object], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await acquiring
    except TimeoutError:
        raise overloaded() from None
