"""Keeps partitions ready for the rows that come: months ahead, those of rows that come late, and no older ones."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from common.clock import now
from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

log = get_logger(__name__)

# Each partitioned table, and the column of time that its partitions go by.
CLICKS = "clicks"
EVENTS = "events"
INBOX = "inbox"
TIME_COLUMNS = {CLICKS: "clicked_at", EVENTS: "received_at", INBOX: "received_at"}

AHEAD = timedelta(days=92)
# Rows older than that come from a wrong clock: they stay in the default partition.
LATE = timedelta(days=366)
UPKEEP_SECONDS = 24 * 60 * 60.0
RETRY_SECONDS = 60.0


class Partitions:
    """The monthly partitions of clicks, events and the inbox. Remembers which there are, at most 16 months a table.

    ages tells of tables whose months are dropped how old rows are at least then.
    """

    def __init__(self, postgres: Postgres, ages: Mapping[str, timedelta] | None = None) -> None:
        self._postgres = postgres
        self._ages = ages or {}
        self._known: set[tuple[str, int, int]] = set()

    async def cover(self, table: str, times: Iterable[datetime]) -> None:
        """Make the partitions that rows of these times belong to, where they are missing.

        Where that fails, the default partition takes the rows, and a later call moves them.
        """
        present = now()
        months = {(at.year, at.month): at for at in times if present - LATE < at < present + AHEAD}
        for (year, month), at in months.items():
            if (table, year, month) not in self._known and await self._make(table, at, at):
                self._known.add((table, year, month))

    async def make_ahead(self) -> bool:
        """Make the partitions from now on for three months, and tell whether all are there."""
        present = now()
        done = [await self._make(table, present, present + AHEAD) for table in TIME_COLUMNS]
        self._known = {(table, year, month) for table, year, month in self._known if (year, month) >= _oldest(present)}
        return all(done)

    async def keep_ahead(self) -> None:
        """Make partitions ahead each day, and drop those that are too old, for ever."""
        while True:
            is_done = await self.make_ahead() and await self.drop_old()
            await asyncio.sleep(UPKEEP_SECONDS if is_done else RETRY_SECONDS)

    async def drop_old(self) -> bool:
        """Drop the partitions whose rows are all too old, and tell whether that was possible."""
        return all([await self._drop(table, now() - age) for table, age in self._ages.items()])

    async def _make(self, table: str, from_time: datetime, to_time: datetime) -> bool:
        try:
            await self._change(QUERIES.make_partitions, table, TIME_COLUMNS[table], from_time, to_time)
        except ClicktrailError:
            log.warning("partitions could not be made; the default one takes their rows", table=table)
            return False
        return True

    async def _drop(self, table: str, before: datetime) -> bool:
        try:
            dropped = await self._change(QUERIES.drop_partitions, table, before)
        except ClicktrailError:
            log.warning("old partitions could not be dropped; it is tried again", table=table)
            return False
        if dropped:
            log.info("old partitions were dropped", table=table, partitions=dropped)
        return True

    async def _change(self, query: str, *values: object) -> int:
        async def work(connection: "Connection") -> int:
            # A transaction that waits for its lock makes writers wait behind it.
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            return int(await connection.fetchval(query, *values))

        return await self._postgres.in_transaction(work)


def _oldest(present: datetime) -> tuple[int, int]:
    oldest = present - LATE
    return oldest.year, oldest.month
