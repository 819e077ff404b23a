"""Bounds what the API has under way: beyond, a request is refused at once instead of waiting for its time to end."""

import asyncio
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from common.admission import Places, SharedRoom, Shares

Result = TypeVar("Result")

# Bodies are parsed into several times their size: this much of them keeps a process below a gigabyte.
BODIES_BYTES = 64 * 1024 * 1024
# Large ones of one holder that wait to be worked on, and for how long.
WAITING_LIMIT = 1_000
WAITING_SECONDS = 10.0


class Connections:
    """How many connections there are, in all and of each address: nobody alone is to take the places of all others."""

    def __init__(self, most: int, most_of_address: int) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._open = 0
        self._of_addresses: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count a connection; tell whether there is a place for it."""
        self._open += 1
        self._of_addresses[address] += 1
        return self._open <= self._most and self._of_addresses[address] <= self._most_of_address

    def leave(self, address: str) -> None:
        """Count a connection no more."""
        self._open -= 1
        self._of_addresses[address] -= 1
        if not self._of_addresses[address]:
            del self._of_addresses[address]


class Room:
    """How many requests may be under way, and how many bytes of their bodies may be held."""

    def __init__(self, requests: int, body_bytes: int = BODIES_BYTES) -> None:
        self.requests = Places(requests)
        self.bytes = SharedRoom(body_bytes)
        self.bytes_used = 0
        self._turns = Shares(1, WAITING_LIMIT, WAITING_SECONDS)
        self._at_work = asyncio.Lock()

    def stay(self) -> "Stay":
        """Return the place of one request; entered, it is taken. Raises UNAVAILABLE (`OVERLOADED`) where none is."""
        return Stay(self)

    async def work(self, holder: str, work: Callable[..., Result], *arguments: object) -> Result:
        """Return what work on a large body returns: in a thread, one at a time, and one of each holder in turn.

        Beside two of them the event loop would have a third of the interpreter, and all others' requests be as slow.
        Raises UNAVAILABLE (`OVERLOADED`) where too many of the holder wait.
        """
        async with self._turns.of(holder), self._at_work:
            return await asyncio.to_thread(work, *arguments)


class Stay:
    """The place of one request, and what it holds; both are given back at its end."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._room.requests.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.requests.give_back()
        self._room.bytes_used -= self._held.total()
        for holder, size in self._held.items():
            self._room.bytes.give_back(holder, size)

    def hold(self, holder: str, size: int) -> bool:
        """Take so many bytes more until the end; tell whether there was room for them, for this holder."""
        if not self._room.bytes.take(holder, size, self._room.bytes_used):
            return False
        self._room.bytes_used += size
        self._held[holder] += size
        return True

    async def work(self, holder: str, work: Callable[..., Result], *arguments: object) -> Result:
        """Work on a large body in its turn: see `Room.work`."""
        return await self._room.work(holder, work, *arguments)
