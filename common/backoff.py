"""How long to wait before something is tried again, or looked at again unless woken."""

import asyncio
import random

# Pauses of many who failed together end apart: each takes between half of its length and all of it.
_SPREAD = (0.5, 1.0)


class Backoff:
    """Pauses between tries, in seconds: each twice as long as the one before, up to the longest."""

    def __init__(self, first: float, longest: float, *, is_spread: bool = True) -> None:
        self._first = first
        self._longest = longest
        self._is_spread = is_spread
        self._next = first

    @property
    def upcoming(self) -> float:
        """How long the next pause will be at most."""
        return self._next

    def pause(self) -> float:
        """Return how long to wait now, after one more failure."""
        pause, self._next = self._next, min(2 * self._next, self._longest)
        return pause * random.uniform(*_SPREAD) if self._is_spread else pause  # noqa: S311  (no secret)

    def reset(self) -> None:
        """Begin again with the first pause: something has worked."""
        self._next = self._first


async def woken_or_after(woken: asyncio.Event, seconds: float) -> None:
    """Return as soon as it is woken, or after so long. It is not cleared: that is for who does the work, before it."""
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        return
