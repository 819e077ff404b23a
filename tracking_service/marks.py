"""Marks of what is to be decided again, worked off in the background: in batches, and one by one where that fails."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol

from structlog.stdlib import BoundLogger

from common.backoff import woken_or_after
from common.errors import ClicktrailError
from common.rare_warnings import RareWarning

# What other processes mark does not wake this one, so it polls.
POLL_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0


class KeptMark(NamedTuple):
    """A mark, and how often it has failed."""

    id: int
    attempts: int


class MarkStore(Protocol):
    """Keeps marks, and decides on what they are for. Any number of workers may take marks beside each other."""

    async def process(self, limit: int) -> int:
        """Decide on at most so many marks in one transaction, and return how many there were."""

    async def process_one(self, mark_id: int) -> None:
        """Decide on one mark, unless another worker is at it."""

    async def oldest(self, limit: int) -> list[KeptMark]:
        """Return the marks that would be processed next."""

    async def retries(self, limit: int) -> list[KeptMark]:
        """Return marks that have failed before and are to be tried again now."""

    async def retry_later(self, mark_id: int, seconds: float) -> None:
        """Leave a mark alone for so long."""


class MarkQueue:
    """Works marks off. A batch that fails is processed again mark by mark.

    A mark that fails alone is retried later, each time after a longer pause, so that it does not hold up the others.
    """

    def __init__(self, store: MarkStore, log: BoundLogger, *, batch: int, retries: int) -> None:
        self._store = store
        self._log = log
        self._batch = batch
        self._retries = retries

    async def process(self) -> bool:
        """Process a batch of what is marked, and tell whether there may be more."""
        try:
            return await self._store.process(self._batch) == self._batch
        except Exception as error:  # noqa: BLE001  (whatever it is, one of the marks may be its cause)
            self._log.debug("marks are processed one by one", cause=type(error).__name__)
        marks = await self._store.oldest(self._batch)
        await self._process_each(marks)
        return len(marks) == self._batch

    async def retry(self) -> None:
        """Try some again that have failed before."""
        await self._process_each(await self._store.retries(self._retries))

    async def _process_each(self, marks: Iterable[KeptMark]) -> None:
        for mark in marks:
            try:
                await self._store.process_one(mark.id)
            except Exception:  # noqa: BLE001  (logged where it is the first time)
                # Fails itself where the store is away, and then nothing is retried later.
                await self._store.retry_later(mark.id, retry_seconds(mark.attempts))
                if mark.attempts == 0:
                    self._log.exception("a mark cannot be decided on and is retried later", mark=mark.id)


async def work_when_woken(
    work: Callable[[], Awaitable[bool]], woken: asyncio.Event, log: BoundLogger, waiting: str
) -> None:
    """Work until cancelled: at once as long as there may be more, else as soon as it is woken, or each second.

    `work` tells whether there may be more, and `waiting` what waits where a store is away. Failures are logged; clicks
    and events are taken in without this.
    """
    warning = RareWarning(log, waiting)
    while True:
        woken.clear()
        try:
            if not await work():
                await woken_or_after(woken, POLL_SECONDS)
            continue
        except ClicktrailError as error:
            warning.tell(reason=error.reason)
        except Exception:
            log.exception(waiting)
        # Without a wait, a store that is away would be asked without end.
        await asyncio.sleep(POLL_SECONDS)


def retry_seconds(attempts: int) -> float:
    """Return how long to leave a mark alone that has failed so often before."""
    return float(min(LONGEST_RETRY_SECONDS, 2.0 ** min(attempts, 10)))
