"""Tells in the log which connections have fallen silent."""

import asyncio

from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.inbox.store import PostgresInbox

log = get_logger(__name__)

PAUSE_SECONDS = 15 * 60.0


class SilenceWatch:
    """Looks at all connections now and then, and tells of each silence once."""

    def __init__(self, store: PostgresInbox) -> None:
        self._store = store
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except ClicktrailError as error:
                log.info("connections are not looked at", reason=error.reason)
            await asyncio.sleep(PAUSE_SECONDS)

    async def look(self) -> None:
        """Tell of the silences that were not told of."""
        silent = {each.id: each for each in await self._store.silent(None)}
        for id_ in silent.keys() - self._told:
            found = silent[id_]
            log.warning(
                "a connection has fallen silent",
                connection=id_,
                business=found.business_id,
                platform=found.platform,
                last_delivery_at=found.last_delivery_at.isoformat(timespec="seconds"),
            )
        self._told = set(silent)
