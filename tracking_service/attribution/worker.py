"""Keeps attribution up to date: decides again on dirty visitors, as soon as it is woken or at least each second."""

import asyncio

from common.errors import ClicktrailError
from common.logging import get_logger
from common.rare_warnings import RareWarning
from tracking_service.attribution.store import PostgresAttribution
from tracking_service.marks import MarkQueue, work_when_woken

log = get_logger(__name__)

# Dirty visitors of one transaction.
BATCH = 500
# Groups of visitors, one a delivery, that are fanned out before a batch.
GROUPS = 20
# Visitors that failed before and are tried again in one go.
RETRIES = 50


class AttributionWorker:
    """Decides again on the events of dirty visitors; any number of workers may run beside each other."""

    def __init__(self, store: PostgresAttribution, woken: asyncio.Event) -> None:
        self._store = store
        self._visitors = MarkQueue(store, log, batch=BATCH, retries=RETRIES)
        self._woken = woken
        self._backfill_waiting = RareWarning(log, "a backfill waits")

    async def run(self) -> None:
        """Work until cancelled. Failures are logged; no visitor is lost by one."""
        await work_when_woken(self._work, self._woken, log, "attribution waits")

    async def _work(self) -> bool:
        """Process what is pending, and tell whether there may be more. It asks first, since mostly there is little."""
        pending = await self._store.pending()
        groups = visitors = 0
        if pending.groups:
            groups, visitors = await self._store.fan_out(GROUPS)
        if pending.retries:
            await self._visitors.retry()
        is_more = await self._visitors.process() if pending.visitors or visitors else False
        return is_more or groups == GROUPS or (pending.backfills and await self._backfill())

    async def _backfill(self) -> bool:
        """Go on with a change that concerns a whole business; dirty visitors go before it."""
        try:
            return await self._store.backfill()
        except ClicktrailError as error:
            self._backfill_waiting.tell(reason=error.reason)
        except Exception:
            log.exception("a backfill failed")
        return False
