"""Keeps attribution up to date: takes what was marked, as soon as it is told or at least each second."""

import asyncio
from typing import Protocol

from common.errors import ClicktrailError
from common.logging import get_logger

log = get_logger(__name__)

# Marks of one transaction.
BATCH = 500
# Marks of other processes make no sound here, so it looks by itself.
POLL_SECONDS = 1.0


class Ledger(Protocol):
    """What decides on marked visitors."""

    async def settle(self, limit: int) -> int:
        """Decide again on the events of at most so many marks, and return how many marks there were."""


class AttributionWorker:
    """Decides again on whoever was marked; any number of workers may run beside each other."""

    def __init__(self, ledger: Ledger, woken: asyncio.Event) -> None:
        self._ledger = ledger
        self._woken = woken

    async def run(self) -> None:
        """Work until cancelled. A failure is logged, and the same marks are taken again."""
        while True:
            self._woken.clear()
            if await self._settle() < BATCH:
                await self._pause()

    async def _settle(self) -> int:
        try:
            return await self._ledger.settle(BATCH)
        except ClicktrailError as error:
            log.warning("attribution waits", reason=error.reason)
        except Exception:
            # Clicks and events are taken in without it.
            log.exception("attribution failed")
        # Without a wait, a store that is away would be asked without end.
        await asyncio.sleep(POLL_SECONDS)
        return BATCH

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
