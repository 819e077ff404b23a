"""Bounds what the API has under way: beyond, a request is refused at once instead of waiting for its time to end."""

from collections import Counter
from types import TracebackType
from typing import Self

from common.admission import Places

# Bodies are parsed into several times their size: this much of them keeps a process below a gigabyte.
BODIES_BYTES = 64 * 1024 * 1024


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
        self.bytes_left = body_bytes

    def stay(self) -> "Stay":
        """Return the place of one request; entered, it is taken. Raises UNAVAILABLE (`OVERLOADED`) where none is."""
        return Stay(self)


class Stay:
    """The place of one request, and what it holds; both are given back at its end."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def __enter__(self) -> Self:
        self._room.requests.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.requests.give_back()
        self._room.bytes_left += self._held

    def hold(self, size: int) -> bool:
        """Take so many bytes more until the end; tell whether there was room for them."""
        if size > self._room.bytes_left:
            return False
        self._room.bytes_left -= size
        self._held += size
        return True
