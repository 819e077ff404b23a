"""Recounts in PostgreSQL, all of it as of one moment."""

from datetime import datetime
from typing import TYPE_CHECKING

from common.errors import ClicktrailError, Reason, not_allowed
from tracking_service.accounts.store import check_business
from tracking_service.postgres.pool import Postgres
from tracking_service.reconciliation.counter_store import COUNTERS, RecountRange, compare
from tracking_service.reconciliation.credit_store import broken_ledgers, recount_credits
from tracking_service.reconciliation.queries import QUERIES
from tracking_service.reconciliation.reconciliation import Difference, Recount

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


# A recount reads all rows of a business: its statements may take as long as its caller waits.
STATEMENT_TIMEOUT = "1h"


class PostgresReconcile:
    """The counters of all businesses beside their raw rows."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def recount(self, business_id: str, from_at: datetime | None, to_at: datetime | None, limit: int) -> Recount:
        """Compare as of one moment. Raises `BUSINESS_UNKNOWN`, `BEYOND_RETENTION`."""
        async with (
            self._postgres.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
            await check_business(connection, business_id)
            begun_at = await _start(connection, business_id, from_at)
            return await _recount(connection, RecountRange(business_id, begun_at, to_at), limit)


async def _start(connection: "Connection", business_id: str, from_at: datetime | None) -> datetime | None:
    """Return where to begin: where the caller says, else at the oldest rows kept; None: at the beginning of all."""
    kept = await connection.fetchrow(QUERIES.find_kept_from, business_id)
    if kept is None or not kept["is_older_counted"]:
        return from_at
    kept_from: datetime = kept["at"]
    if from_at is not None and from_at < kept_from:
        raise _beyond_retention(kept_from)
    return from_at or kept_from


async def _recount(connection: "Connection", range_: RecountRange, limit: int) -> Recount:
    differences: list[Difference] = []
    figures = 0
    for counter in COUNTERS:
        total, found = await compare(connection, counter, range_, limit + 1)
        figures += total
        differences += found
    events, credits_ = await recount_credits(connection, range_, limit)
    differences += {**await broken_ledgers(connection, range_, limit + 1), **credits_}.values()
    waiting = await connection.fetchval(QUERIES.count_marks, range_.business_id)
    return Recount(differences[:limit], len(differences) > limit, figures, events, waiting, range_.from_at)


def _beyond_retention(kept_from: datetime) -> ClicktrailError:
    said = f"Clicks from before {kept_from:%Y-%m-%dT%H:%MZ} are counted, but kept no longer."
    return not_allowed(Reason.BEYOND_RETENTION, said, "from")
