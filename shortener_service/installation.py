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

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._value: bytes | None = None
        self.generation = b""
        """Which filling of the store the secret is of; a store that is emptied and restored has another one."""

    @property
    def value(self) -> bytes:
        """Return the secret."""
        if self._value is None:
            raise unavailable(Reason.STORE_DOWN, "Links cannot be created yet; try again.")
        return self._value

    async def learn(self) -> None:
        """Take over what the store says."""
        self._value, self.generation = await self._installation.learn()


async def wait_for_store(installation: Installation, secret: Secret) -> None:
    """Return when the store has answered once; raise `UnsuitableStoreError` if it may not be used as it is set."""
    while True:
        try:
            await installation.prepare()
            await secret.learn()
        except ClicktrailError:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def complete_if_new(
    installation: Installation, count_archived: Callable[[], Awaitable[int]], complete: Callable[[], Awaitable[None]]
) -> None:
    """Complete an empty store where no link was ever made; leave one that was emptied to be restored.

    Asks until an answer comes: while tracking is away, nobody can tell the two apart.
    """
    while True:
        try:
            if await installation.is_complete():
                return
            count = await count_archived()
            if count:
                log.error("redis was emptied: unknown codes answer 503 until `clicktrail restore`", archived=count)
                return
            await complete()
        except ClicktrailError as error:
            log.debug("cannot tell yet whether redis is complete", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            log.info("a new installation")
            return
