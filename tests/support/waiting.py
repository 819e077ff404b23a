"""Waiting for what comes true a moment later."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Seen = TypeVar("Seen")

LIMIT_SECONDS = 120.0
PAUSE_SECONDS = 0.05


async def eventually(
    look: Callable[[], Awaitable[Seen]], holds: Callable[[Seen], bool], *, limit_seconds: float = LIMIT_SECONDS
) -> Seen:
    """Return what `look` sees as soon as `holds` says yes; fail with the last sight when the limit is over.

    The limit only ends a test that would never end; it measures nothing.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_seconds
    while True:
        seen = await look()
        if holds(seen):
            return seen
        assert loop.time() < until, f"still not so after {limit_seconds} s: {seen!r}"
        await asyncio.sleep(PAUSE_SECONDS)
