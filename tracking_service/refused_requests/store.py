"""Keeps counts of refused requests in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tracking_service.counters.store import bump_versions
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.pool import Postgres
from tracking_service.refused_requests.queries import QUERIES
from tracking_service.refused_requests.refused_requests import RefusedCount, RefusedRequests

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class PostgresRefusedRequests:
    """The counts of all businesses and gateways."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def keep(self, gateway: str, counts: Sequence[RefusedCount]) -> None:
        """Keep a gateway's counts in the place of those that it told before; those who watch a report see them."""

        async def write(connection: "Connection") -> None:
            rows = await connection.fetch(
                QUERIES.keep_counts,
                gateway,
                *columns(counts, "business_id", "quarter", "kind", "is_private", "requests"),
            )
            await bump_versions(connection, {row["business_id"] for row in rows})

        await self._postgres.in_transaction(write)


async def refused_within(
    connection: "Connection", business_id: str, from_at: datetime, to_at: datetime
) -> list[RefusedRequests]:
    """Return how many requests of a business were refused in a range, by kind, most first."""
    return [RefusedRequests(**row) for row in await connection.fetch(QUERIES.sum_counts, business_id, from_at, to_at)]
