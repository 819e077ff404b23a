"""Knows whether PostgreSQL answers, so that during an outage nothing waits for it but one prober.

Redis has a breaker of its own (`RedisNode` of the shortener), of another kind: a call there is short and repeated by
its caller, so that the next call is the probe. Here work may take seconds, and must be told from a store that hangs.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from common.errors import ClicktrailError, Reason, unavailable
from common.logging import get_logger
from tracking_service.postgres.pool import Postgres

log = get_logger(__name__)
Result = TypeVar("Result")

# Work that takes longer makes us look whether the store is there at all.
PATIENCE_SECONDS = 1.5
# If it is, the work may take so long in all: callers with 5 seconds have some left for the disk.
LONGEST_SECONDS = 3.5
PROBE_PAUSE_SECONDS = 0.5


class CircuitBreaker:
    """Open while the store does not answer, and until `mark_back` is called for the first time: it counts as away."""

    def __init__(self, store: Postgres) -> None:
        self._store = store
        self._is_away = True
        self._away_since = asyncio.get_running_loop().time()
        self._look: asyncio.Task[bool] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._let_go: set[asyncio.Future[Any]] = set()

    @property
    def is_away(self) -> bool:
        """Whether it counts as away now."""
        return self._is_away

    async def attempt(
        self, work: Callable[[], Coroutine[Any, Any, Result]], longest_seconds: float = LONGEST_SECONDS
    ) -> Result:
        """Return the result of work at the store. Raises `STORE_DOWN`: at once while the store is away.

        Work that the store does not answer is let go, and may be done nevertheless.
        """
        if self.is_away:
            raise away()
        until = self._now() + longest_seconds
        task = asyncio.create_task(work())
        task.add_done_callback(_hear)
        try:
            if not await _ends_within(task, min(PATIENCE_SECONDS, longest_seconds)) and await self.is_there():
                await _ends_within(task, until - self._now())
        finally:
            if not task.done():
                self._leave(task)
        if not task.done():
            raise away()
        try:
            return task.result()
        except ClicktrailError as error:
            # Where our connections were broken, the store has been looked for already.
            if error.reason is Reason.STORE_DOWN and not self.is_away:
                await self.is_there()
            raise

    async def is_there(self) -> bool:
        """Look whether the store answers; where it does not, it counts as away from now on."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_once())
        return await asyncio.shield(self._look)

    def mark_back(self) -> None:
        """Count the store as there."""
        if self.is_away:
            self._is_away = False
            log.info("PostgreSQL is there", away_seconds=round(self._now() - self._away_since, 1))

    async def close(self) -> None:
        """End the prober."""
        tasks = {task for task in (self._look, self._watch, *self._let_go) if task is not None and not task.done()}
        for task in tasks:
            task.cancel()
        if tasks:
            # What hangs on a store that does not answer ends with its connection.
            await asyncio.wait(tasks, timeout=1.0)

    async def _look_once(self) -> bool:
        if await self._store.answers():
            return True
        if not self.is_away:
            await self._mark_away()
        return False

    async def _mark_away(self) -> None:
        self._is_away = True
        self._away_since = self._now()
        log.warning("PostgreSQL is away")
        await self._store.hang_up()
        self._watch = asyncio.create_task(self._watch_for_return())

    async def _watch_for_return(self) -> None:
        while True:
            await asyncio.sleep(PROBE_PAUSE_SECONDS)
            if await self._store.answers():
                self.mark_back()
                return

    def _leave(self, task: asyncio.Future[Any]) -> None:
        task.cancel()
        self._let_go.add(task)
        task.add_done_callback(self._let_go.discard)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def away() -> ClicktrailError:
    """Return the error for a store that counts as away."""
    return unavailable(Reason.STORE_DOWN, "The store cannot be reached at the moment; try again.")


async def _ends_within(task: asyncio.Task[Any], seconds: float) -> bool:
    done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
    return bool(done)


def _hear(task: asyncio.Future[Any]) -> None:
    """Take note of a failure that no caller waits for any more."""
    if not task.cancelled():
        task.exception()
