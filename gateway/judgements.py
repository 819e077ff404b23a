"""Remembers for a moment what a credential opens, so that many requests ask tracking only once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from common.errors import ClicktrailError, Kind

# What was revoked must be refused within 5 seconds.
REMEMBERED_SECONDS = 3.0

Opened = TypeVar("Opened")


class Judgements(Generic[Opened]):
    """The last judgements, and those that are being asked for: whoever comes meanwhile waits for the same answer.

    `ask` says what a credential opens, and raises UNAUTHENTICATED for one that opens nothing.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Opened]], limit: int) -> None:
        self._ask = ask
        self._limit = limit
        self._remembered: OrderedDict[str, tuple[float, asyncio.Task[Opened | None]]] = OrderedDict()

    async def of(self, credential: str) -> Opened | None:
        """Return what a credential opens, or None. Raises what keeps it from being told now."""
        judgement = self._judgement(credential)
        # Whoever asked first may leave: the others still wait.
        return judgement.result() if judgement.done() else await asyncio.shield(judgement)

    def remembered(self, credential: str) -> Opened | None:
        """Return what a credential opened a moment ago; None where it must be asked, or opened nothing."""
        until, judgement = self._remembered.get(credential, (0.0, None))
        if judgement is None or not judgement.done() or asyncio.get_running_loop().time() >= until:
            return None
        return judgement.result()

    def _judgement(self, credential: str) -> asyncio.Task[Opened | None]:
        now = asyncio.get_running_loop().time()
        until, judgement = self._remembered.get(credential, (0.0, None))
        if judgement is not None and now < until:
            return judgement
        judgement = asyncio.create_task(self._judge(credential))
        self._remembered[credential] = (now + REMEMBERED_SECONDS, judgement)
        self._remembered.move_to_end(credential)
        if len(self._remembered) > self._limit:
            self._remembered.popitem(last=False)
        return judgement

    async def _judge(self, credential: str) -> Opened | None:
        try:
            return await self._ask(credential)
        except Exception as error:
            if isinstance(error, ClicktrailError) and error.kind is Kind.UNAUTHENTICATED:
                return None
            # What could not be told now is asked again by the next.
            self._remembered.pop(credential, None)
            raise
