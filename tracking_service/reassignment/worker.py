"""Keeps who everybody is up to date: decides on what is marked, as soon as it is woken or at least each second."""

import asyncio
from collections.abc import Callable

from common.logging import get_logger
from tracking_service.marks import MarkQueue, work_when_woken
from tracking_service.reassignment.store import PostgresReassignment

log = get_logger(__name__)

# Marks of one transaction.
BATCH = 100
# Marks that failed before and are tried again in one go.
RETRIES = 20


class ReassignmentWorker:
    """Decides on marked ids and sessions, and wakes the attribution for what that moves.

    Any number of workers may run beside each other.
    """

    def __init__(self, store: PostgresReassignment, woken: asyncio.Event, wake_attribution: Callable[[], None]) -> None:
        self._store = store
        self._marks = MarkQueue(store, log, batch=BATCH, retries=RETRIES)
        self._woken = woken
        self._wake_attribution = wake_attribution

    async def run(self) -> None:
        """Work until cancelled. Failures are logged; no mark is lost by one."""
        await work_when_woken(self._work, self._woken, log, "who visitors are waits to be decided")

    async def _work(self) -> bool:
        """Process what is pending, and tell whether there may be more."""
        pending = await self._store.pending()
        if pending.retries:
            await self._marks.retry()
        if pending.marks:
            await self._marks.process()
            self._wake_attribution()
        return pending.marks
