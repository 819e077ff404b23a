"""Keeps attribution up to date: takes what was marked, as soon as it is told or at least each second."""

import asyncio
from collections.abc import Iterable

from common.errors import ClicktrailError
from common.logging import get_logger
from common.rare_warnings import RareWarning
from tracking_service.attribution.queue_store import Due, Mark, Spread
from tracking_service.attribution.store import PostgresAttribution

log = get_logger(__name__)

# Marks of one transaction.
BATCH = 500
# Marks of many people, of a delivery each, that are looked into before a batch.
SPREAD = 20
# Marks that were put aside and are tried again in one go.
RETRIES = 50
# Marks of other processes make no sound here, so it looks by itself.
POLL_SECONDS = 1.0
LONGEST_ASIDE_SECONDS = 300.0


class AttributionWorker:
    """Decides again on whoever was marked; any number of workers may run beside each other.

    A batch that fails is taken again mark by mark, and one that fails alone is put aside, for ever longer: it holds up
    nobody behind it.
    """

    def __init__(self, ledger: PostgresAttribution, woken: asyncio.Event) -> None:
        self._ledger = ledger
        self._woken = woken
        self._waiting = RareWarning(log, "attribution waits")
        self._sweep_waiting = RareWarning(log, "a sweep waits")

    async def run(self) -> None:
        """Work until cancelled. Failures are logged; no mark is lost by one."""
        while True:
            self._woken.clear()
            if not await self._work():
                await self._pause()

    async def _work(self) -> bool:
        """Do what is due, and tell whether there may be more; it is asked for first, as most often there is little."""
        try:
            due = await self._ledger.due()
            return await self._settle(due) or (due.sweeps and await self._sweep())
        except ClicktrailError as error:
            self._waiting.tell(reason=error.reason)
        except Exception:
            # Clicks and events are taken in without it.
            log.exception("attribution failed")
        # Without a wait, a store that is away would be asked without end.
        await asyncio.sleep(POLL_SECONDS)
        return True

    async def _settle(self, due: Due) -> bool:
        spread = await self._ledger.spread(SPREAD) if due.marks_of_many else Spread(0, 0)
        if due.put_aside:
            await self._settle_each(await self._ledger.put_aside_before(RETRIES))
        settled = await self._settle_batch() if due.marks or spread.marked else 0
        return settled == BATCH or spread.taken == SPREAD

    async def _sweep(self) -> bool:
        """Go on with a change that concerns a whole business, where no other marks wait: they go before it."""
        try:
            return await self._ledger.sweep()
        except ClicktrailError as error:
            self._sweep_waiting.tell(reason=error.reason)
        except Exception:
            log.exception("a sweep failed")
        return False

    async def _settle_batch(self) -> int:
        try:
            return await self._ledger.settle(BATCH)
        except Exception as error:  # noqa: BLE001  (whatever it is, one of the marks may be its cause)
            log.debug("marks are decided one by one", cause=type(error).__name__)
        marks = await self._ledger.oldest(BATCH)
        await self._settle_each(marks)
        return len(marks)

    async def _settle_each(self, marks: Iterable[Mark]) -> None:
        for mark in marks:
            try:
                await self._ledger.settle_alone(mark.id)
            except Exception:
                # Fails itself where the store is away, and then nothing is put aside.
                await self._ledger.put_aside(mark.id, aside_seconds(mark.attempts))
                if mark.attempts == 0:
                    log.exception("a visitor cannot be decided on and is put aside", mark=mark.id)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return


def aside_seconds(attempts: int) -> float:
    """Return how long a mark is left alone that has failed so often before."""
    return float(min(LONGEST_ASIDE_SECONDS, 2.0 ** min(attempts, 10)))
