"""Bounds what is under way: beyond, work is refused at once instead of waiting for its time to end."""

import asyncio
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
