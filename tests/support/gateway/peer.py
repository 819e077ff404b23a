"""What the small services of these tests have in common: they remember requests and fail when told to."""

from collections import deque
from typing import Any

from common.errors import Reason, unavailable

BUSINESS = "shop"
TOKEN = "token-of-the-shop"
LISTED = "shop-with-origins"
LISTED_ORIGIN = "https://shop.example.com"
POISON = "poison"
DESTINATION = "https://shop.example.com/p/1?hello_session="
KNOWN_SESSION = "bBJn9vR15yPaYkWmR2QK0jopMeNxrA6l"

REFUSED_ACTIONS = {"": "parameter_missing", "order.unknown": "not_found"}

Context = Any


STORE_DOWN = unavailable(Reason.STORE_DOWN, "The store is away.", retry_after_seconds=1)


class Peer:
    """What all peers do: remember requests and fail when told to."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.failures: deque[Exception] = deque()
        """Raised by the next calls, one each."""

    def note(self, request: Any) -> None:
        """Remember a request, or fail."""
        self.requests.append(request)
        if self.failures:
            raise self.failures.popleft()

    def last(self, kind: type[Any]) -> Any:
        """Return the last request of this kind."""
        return next(request for request in reversed(self.requests) if isinstance(request, kind))

    def reset(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.failures.clear()
