"""Knows from when on what was read of a link still holds."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence

from common.errors import ClicktrailError
from common.logging import get_logger
from shortener_service.links.link import LinkKey
from shortener_service.store import ANY, ChangeFeed, News

log = get_logger(__name__)

# What was read so lately holds, whether changes are told or not.
FRESH_SECONDS = 5.0
# How often to ask what was changed. Nobody waits for it: an answer counts for as long as a link that was read.
ASK_SECONDS = 1.0
# What was read before that is read again, told or not: a store may have been changed by other means than ours.
TRUST_SECONDS = 600.0
ASKING = "asking for changed links"


class LinkChanges:
    """Asks for the changes while links are clicked, and passes each on to `changed`."""

    def __init__(self, feed: ChangeFeed, shards: int, changed: Callable[[LinkKey], None]) -> None:
        self._feed = feed
        self._changed = changed
        # Since when the changes of a shard are told without a gap; infinite where they cannot be told now.
        self._since = [math.inf] * shards
        self._asked_at = -math.inf
        self._told_at = -math.inf
        self._has_failed = False
        self._asking: asyncio.Task[None] | None = None

    def holding(self, now: float) -> list[float]:
        """Return for each shard from when on what was read of its links holds."""
        if now >= self._asked_at + ASK_SECONDS and self._asking is None:
            self._asking = asyncio.create_task(self._ask(now), name=ASKING)
        recent = now - FRESH_SECONDS
        if self._told_at <= recent:
            return [recent] * len(self._since)
        longest = now - TRUST_SECONDS
        return [max(longest, min(recent, since)) for since in self._since]

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self, asked_at: float) -> None:
        self._asked_at = asked_at
        try:
            self._hear(await self._feed.read(), asked_at)
        except ClicktrailError:
            # Whoever reads links says so. What holds is what was told before, for as long as that counts.
            self._has_failed = True
        except Exception:
            self._has_failed = True
            log.exception("changed links cannot be read")
        finally:
            self._asking = None

    def _hear(self, news: Sequence[News], asked_at: float) -> None:
        # Between the question and the answer a link may have been read, and then changed.
        answered_at = time.monotonic()
        # Meanwhile a store may have been lost and restored, and its changes have come to the same number again.
        is_late = self._has_failed or asked_at - self._told_at > FRESH_SECONDS
        for shard, changed in enumerate(news):
            if isinstance(changed, ClicktrailError):
                self._since[shard] = math.inf
                continue
            for key in changed or ():
                self._changed(key)
            if changed is ANY or is_late or self._since[shard] == math.inf:
                self._since[shard] = answered_at
        self._told_at = asked_at
        self._has_failed = False
