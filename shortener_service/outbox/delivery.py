"""Tells when what is in the outbox has reached tracking."""

import asyncio
import time

from shortener_service.outbox.store import RedisOutbox

# Whoever asked waits for the answer.
LONGEST_WAIT_SECONDS = 2.0
# The relay lets entries gather for as long.
POLL_SECONDS = 0.05


class Delivery:
    """Waits for the delivery of what is in the outbox."""

    def __init__(self, outbox: RedisOutbox) -> None:
        self._outbox = outbox

    async def is_completed(self) -> bool:
        """Wait until all that is in the outbox now is delivered, and tell whether that was so within two seconds.

        Raises UNAVAILABLE (`STORE_DOWN`) where a part of the outbox cannot be read.
        """
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        latest = await self._outbox.latest_ids()
        while latest := await self._outbox.undelivered(latest):
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True
