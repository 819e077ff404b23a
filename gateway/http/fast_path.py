"""What is answered without ASGI: a task, a scope and two messages cost more than these answers do."""

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.http.head import Head
from gateway.http.responses import Reply


class PendingResponse(Protocol):
    """A response of a fast path, from the end of its request on."""

    def start(self, answer: Callable[[Reply], None]) -> None:
        """Do what is to be done for it, and call `answer` later, whatever becomes of that; never at once."""


class FastRequest(Protocol):
    """A request of a fast path, while it is read."""

    @property
    def body_limit(self) -> int:
        """How much of a body is kept for it; one with more is the application's. 0: its body says nothing."""

    def whole(self, body: bytes) -> PendingResponse | None:
        """Return its response, now that it is whole; None: it is the application's. Always one where the limit is 0."""


class FastPath(Protocol):
    """Knows requests that are answered without ASGI."""

    def offer(self, head: Head, peer: str) -> FastRequest | None:
        """Return a request with this head if it is one of them; peer is the address of who is at the other end."""


FastPaths = Sequence[FastPath]
"""Fast paths, of which the first that takes a request has it."""
