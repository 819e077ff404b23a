"""Keeps attribution up to date: processes dirty visitors, as soon as it is woken or at least each second."""

import asyncio
from collections.abc import Iterable

from common.errors import ClicktrailError
from common.logging import get_logger
from common.rare_warnings import RareWarning
from tracking_service.attribution.queue_store import DirtyVisitor, FannedOut, Pending
from tracking_service.attribution.store import PostgresAttribution

log = get_logger(__name__)

# Dirty visitors of one transaction.
BATCH = 500
# Groups of visitors, one a delivery, that are fanned out before a batch.
GROUPS = 20
# Visitors that failed before and are tried again in one go.
RETRIES = 50
# What other processes mark does not wake this one, so it polls.
POLL_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0


class AttributionWorker:
    """Decides again on the events of dirty visitors; any number of workers may run beside each other.

    A batch that fails is processed again visitor by visitor. One that fails alone is retried later, each time after a
    longer pause, so that it does not hold up the others.
    """

    def __init__(self, store: PostgresAttribution, woken: asyncio.Event) -> None:
        self._store = store
        self._woken = woken
        self._waiting = RareWarning(log, "attribution waits")
        self._backfill_waiting = RareWarning(log, "a backfill waits")

    async def run(self) -> None:
        """Work until cancelled. Failures are logged; no visitor is lost by one."""
        while True:
            self._woken.clear()
            if not await self._work():
                await self._pause()

    async def _work(self) -> bool:
        """Process what is pending, and tell whether there may be more. It asks first, since mostly there is little."""
        try:
            pending = await self._store.pending()
            return await self._process(pending) or (pending.backfills and await self._backfill())
        except ClicktrailError as error:
            self._waiting.tell(reason=error.reason)
        except Exception:
            # Clicks and events are taken in without it.
            log.exception("attribution failed")
        # Without a wait, a store that is away would be asked without end.
        await asyncio.sleep(POLL_SECONDS)
        return True

    async def _process(self, pending: Pending) -> bool:
        fanned_out = await self._store.fan_out(GROUPS) if pending.groups else FannedOut(0, 0)
        if pending.retries:
            await self._process_each(await self._store.retries(RETRIES))
        processed = await self._process_batch() if pending.visitors or fanned_out.visitors else 0
        return processed == BATCH or fanned_out.groups == GROUPS

    async def _backfill(self) -> bool:
        """Go on with a change that concerns a whole business; dirty visitors go before it."""
        try:
            return await self._store.backfill()
        except ClicktrailError as error:
            self._backfill_waiting.tell(reason=error.reason)
        except Exception:
            log.exception("a backfill failed")
        return False

    async def _process_batch(self) -> int:
        try:
            return await self._store.process(BATCH)
        except Exception as error:  # noqa: BLE001  (whatever it is, one of the visitors may be its cause)
            log.debug("visitors are processed one by one", cause=type(error).__name__)
        visitors = await self._store.oldest(BATCH)
        await self._process_each(visitors)
        return len(visitors)

    async def _process_each(self, visitors: Iterable[DirtyVisitor]) -> None:
        for visitor in visitors:
            try:
                await self._store.process_one(visitor.id)
            except Exception:
                # Fails itself where the store is away, and then nothing is retried later.
                await self._store.retry_later(visitor.id, retry_seconds(visitor.attempts))
                if visitor.attempts == 0:
                    log.exception("a visitor cannot be decided on and is retried later", visitor=visitor.id)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return


def retry_seconds(attempts: int) -> float:
    """Return how long to leave a visitor alone that has failed so often before."""
    return float(min(LONGEST_RETRY_SECONDS, 2.0 ** min(attempts, 10)))
