"""Keeps how often a business's counters have changed, so that whoever watches a report need not read it to know."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/counters")


async def bump_versions(connection: "Connection", businesses: Collection[str]) -> None:
    """Note that counters of businesses change. Last in a transaction: everyone waits for these rows."""
    await connection.execute(QUERIES.bump_versions, sorted(businesses))


class PostgresVersions:
    """The versions of all businesses' counters."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def versions(self, businesses: Collection[str]) -> Mapping[str, int]:
        """Return the present versions; a business without counters has none."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(QUERIES.find_versions, list(businesses))
        return {row["business_id"]: row["version"] for row in rows}
