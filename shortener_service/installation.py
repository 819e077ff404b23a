"""Starting on a store: wait until it is there, know its secret, and tell a new one from one that was emptied."""

import asyncio
from collections.abc import Awaitable, Callable

from common.errors import ClicktrailError
from common.logging import get_logger
from shortener_service.links.creation import Secret
from shortener_service.store import Installation

log = get_logger(__name__)

RETRY_SECONDS = 0.5


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
