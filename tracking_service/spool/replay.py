"""Brings what the spool holds to PostgreSQL, in order, and sets aside what proves invalid there."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from common.backoff import woken_or_after
from common.errors import ClicktrailError, Kind
from common.logging import get_logger
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.rejections.rejections import Rejected
from tracking_service.rejections.store import PostgresRejected
from tracking_service.spool.file import SpoolRow
from tracking_service.spool.spool import Spool
from tracking_service.sqlite_file import DamagedError

log = get_logger(__name__)

POLL_SECONDS = 1.0
# How often a row is tried that fails in a way which says nothing of its cause.
TRIES = 3
# No business has a longer id: one is shown as far as this.
_ID_LENGTH = 100


class Replayed(NamedTuple):
    """What became of a row, in a word for the log, and why it is set aside, None where it is not."""

    outcome: str
    reason: str | None = None


_FAULTY = Replayed("rejected", "It could not be stored.")

StoreRows = Callable[[Sequence[SpoolRow]], Awaitable[Sequence[Replayed]]]
"""Stores rows that may be there already, and returns what became of each. Raises UNAVAILABLE."""


class SpoolReplay:
    """Replays a spool, over and over: what a crash lets it do twice is found to be there already.

    kind is that of what is set aside, such as "event".
    """

    def __init__(
        self, spool: Spool, kind: str, store: StoreRows, rejected: PostgresRejected, breaker: CircuitBreaker
    ) -> None:
        self._spool = spool
        self._kind = kind
        self._store = store
        self._rejected = rejected
        self._breaker = breaker

    async def run(self) -> None:
        """Replay whenever there is something and PostgreSQL is there, until cancelled."""
        while True:
            self._spool.filled.clear()
            try:
                await self._spool.adopt()
                if not self._breaker.is_away:
                    await self._replay_all()
            except ClicktrailError as error:
                log.info("the replay waits", reason=error.reason)
                await self._breaker.is_there()
                await asyncio.sleep(POLL_SECONDS)
            except (OSError, sqlite3.Error, DamagedError) as error:
                log.warning("the spool cannot be read", cause=f"{type(error).__name__}: {error}")
                await asyncio.sleep(POLL_SECONDS)
            except Exception:
                # What is in the spool stays there.
                log.exception("the replay failed")
                await asyncio.sleep(POLL_SECONDS)
            await self._pause()

    async def _replay_all(self) -> None:
        counts: Counter[str] = Counter()
        try:
            while batch := await self._spool.oldest():
                counts.update(replayed.outcome for replayed in await self._replay(batch.rows))
                await self._spool.remove(batch)
        finally:
            if counts:
                log.info("the spool was replayed", kind=self._kind, **counts)

    async def _replay(self, rows: Sequence[SpoolRow]) -> Sequence[Replayed]:
        """Bring rows to PostgreSQL; they may be forgotten then."""
        found = await self._stored(rows)
        rejected = [
            Rejected(row.business_id[:_ID_LENGTH], self._kind, str(UUID(bytes=row.id)), row.content, replayed.reason)
            for row, replayed in zip(rows, found, strict=True)
            if replayed.reason is not None
        ]
        if rejected:
            await self._rejected.keep(rejected)
            for one in rejected:
                log.warning(
                    "something spooled is rejected",
                    kind=one.kind,
                    business=one.business_id,
                    id=one.item,
                    reason=one.reason,
                )
        return found

    async def _stored(self, rows: Sequence[SpoolRow]) -> Sequence[Replayed]:
        """Return what became of rows. Raises UNAVAILABLE."""
        try:
            return await self._store(rows)
        except Exception as error:
            if _is_unavailable(error):
                raise
            log.warning("rows are replayed one by one", kind=self._kind, cause=f"{type(error).__name__}: {error}")
            return [await self._stored_alone(row) for row in rows]

    async def _stored_alone(self, row: SpoolRow) -> Replayed:
        for attempt in range(1, TRIES + 1):
            try:
                return (await self._store([row]))[0]
            except Exception as error:
                if _is_unavailable(error):
                    raise
                if attempt == TRIES:
                    log.exception("something cannot be stored and is set aside", kind=self._kind)
                else:
                    await asyncio.sleep(POLL_SECONDS)
        return _FAULTY

    async def _pause(self) -> None:
        await woken_or_after(self._spool.filled, POLL_SECONDS)
        if self._breaker.is_away and self._spool.filled.is_set():
            # Each row that is spooled rings; one look a second is enough for adoption.
            await asyncio.sleep(POLL_SECONDS)


def _is_unavailable(error: Exception) -> bool:
    return isinstance(error, ClicktrailError) and error.kind is Kind.UNAVAILABLE
