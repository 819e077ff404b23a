"""Starting on a store: wait until it is there, know its secret, and tell a new one from one that was emptied."""

import asyncio
from collections.abc import Awaitable, Callable

from common.errors import ClicktrailError, Reason, unavailable
from common.logging import get_logger
from shortener_service.store import Installation

log = get_logger(__name__)

RETRY_SECONDS = 0.5


class Secret:
    """What codes are derived with; not known before the store has answered once."""

    def __init__(self) -> None:
        self._value: bytes | None = None

    @property
    def value(self) -> bytes:
        """Return the secret."""
        if self._value is None:
            raise unavailable(Reason.STORE_DOWN, "Links cannot be created yet; try again.")
        return self._value

    def learn(self, value: bytes) -> None:
        """Take over what the store says."""
        self._value = value


async def wait_for_store(installation: Installation, secret: Secret) -> None:
    """Return when the store has answered once; raise `UnsuitableStoreError` if it may not be used as it is set."""
    while True:
        try:
            secret.learn(await installation.prepare())
        except ClicktrailError:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def complete_if_new(installation: Installation, count_archived: Callable[[], Awaitable[int]]) -> None:
    """Mark an empty store as complete where no link was ever made; leave one that was emptied to be restored.

    Asks until an answer comes: while tracking is away, nobody can tell the two apart.
    """
    while True:
        try:
            if await installation.is_complete():
                return
            count = await count_archived()
            if count:
                log.error("redis was emptied: unknown codes answer 503 until its links are restored", archived=count)
                return
            await installation.mark_complete()
        except ClicktrailError as error:
            log.debug("cannot tell yet whether redis is complete", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            log.info("a new installation")
            return
