"""Keeps who everybody is up to date: decides on what is marked, as soon as it is woken or at least each second."""

import asyncio
from collections.abc import Callable, Iterable

from common.errors import ClicktrailError
from common.logging import get_logger
from common.rare_warnings import RareWarning
from tracking_service.attribution.worker import retry_seconds
from tracking_service.reassignment.store import KeptMark, PostgresReassignment

log = get_logger(__name__)

# Marks of one transaction.
BATCH = 100
# Marks that failed before and are tried again in one go.
RETRIES = 20
# What other processes mark does not wake this one, so it polls.
POLL_SECONDS = 1.0


class ReassignmentWorker:
    """Decides on marked ids and sessions; any number of workers may run beside each other.

    A batch that fails is processed again mark by mark; a mark that fails alone is retried later. What it moves wakes
    the attribution.
    """

    def __init__(self, store: PostgresReassignment, woken: asyncio.Event, wake_attribution: Callable[[], None]) -> None:
        self._store = store
        self._woken = woken
        self._wake_attribution = wake_attribution
        self._waiting = RareWarning(log, "who visitors are waits to be decided")

    async def run(self) -> None:
        """Work until cancelled. Failures are logged; no mark is lost by one."""
        while True:
            self._woken.clear()
            if not await self._work():
                await self._pause()

    async def _work(self) -> bool:
        """Process what is pending, and tell whether there may be more."""
        try:
            pending = await self._store.pending()
            if pending.retries:
                await self._process_each(await self._store.retries(RETRIES))
            if pending.marks:
                await self._process_batch()
        except ClicktrailError as error:
            self._waiting.tell(reason=error.reason)
        except Exception:
            log.exception("who visitors are could not be decided")
        else:
            return pending.marks
        # Without a wait, a store that is away would be asked without end.
        await asyncio.sleep(POLL_SECONDS)
        return True

    async def _process_batch(self) -> None:
        try:
            await self._store.process(BATCH)
        except Exception as error:  # noqa: BLE001  (whatever it is, one of the marks may be its cause)
            log.debug("marks are processed one by one", cause=type(error).__name__)
            await self._process_each(await self._store.oldest(BATCH))
        self._wake_attribution()

    async def _process_each(self, marks: Iterable[KeptMark]) -> None:
        for mark in marks:
            try:
                await self._store.process_one(mark.id)
            except Exception:
                # Fails itself where the store is away, and then nothing is retried later.
                await self._store.retry_later(mark.id, retry_seconds(mark.attempts))
                if mark.attempts == 0:
                    log.exception("a mark cannot be decided on and is retried later", mark=mark.id)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
