"""Credentials of businesses: what tells a token, and a memory of what each opens, so that its home is asked seldom."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from common.errors import ClicktrailError, Kind

Opened = TypeVar("Opened")

# Tells a token from a public id, from a service key and, where it leaked, from other secrets.
TOKEN_PREFIX = "ct_"  # noqa: S105  (what all of them begin with)
# What was revoked must be refused within 5 seconds.
REMEMBERED_SECONDS = 3.0


class CredentialCache(Generic[Opened]):
    """What credentials open, remembered for a while; requests that come while it is asked for wait for one answer.

    `ask` says what a credential opens, and raises UNAUTHENTICATED for one that opens nothing.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Opened]], limit: int) -> None:
        self._ask = ask
        self._limit = limit
        self._remembered: OrderedDict[str, tuple[float, asyncio.Task[Opened | None]]] = OrderedDict()

    async def of(self, credential: str) -> Opened | None:
        """Return what a credential opens, or None. Raises what keeps it from being told now."""
        answer = self._asked_for(credential)
        # Whoever asked first may leave: the others still wait.
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def remembered(self, credential: str) -> Opened | None:
        """Return what a credential opened a moment ago; None where it must be asked, or opened nothing."""
        until, answer = self._remembered.get(credential, (0.0, None))
        if answer is None or not answer.done() or asyncio.get_running_loop().time() >= until:
            return None
        return answer.result()

    def has_opened(self, credential: str) -> bool:
        """Tell whether a credential has opened something the last time that it was asked for, however long ago."""
        _, answer = self._remembered.get(credential, (0.0, None))
        return answer is not None and answer.done() and not answer.cancelled() and answer.result() is not None

    def _asked_for(self, credential: str) -> asyncio.Task[Opened | None]:
        now = asyncio.get_running_loop().time()
        until, answer = self._remembered.get(credential, (0.0, None))
        if answer is not None and now < until:
            return answer
        answer = asyncio.create_task(self._judge(credential))
        self._remembered[credential] = (now + REMEMBERED_SECONDS, answer)
        self._remembered.move_to_end(credential)
        if len(self._remembered) > self._limit:
            self._remembered.popitem(last=False)
        return answer

    async def _judge(self, credential: str) -> Opened | None:
        try:
            return await self._ask(credential)
        except Exception as error:
            if isinstance(error, ClicktrailError) and error.kind is Kind.UNAUTHENTICATED:
                return None
            # What could not be told now is asked again by the next.
            self._remembered.pop(credential, None)
            raise
