"""Reads the copies of all links, page by page: no transaction outlives a page, and memory does not grow."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Row

QUERIES = load(__package__, "queries/link_export")

PAGE = 500
_FIRST = datetime.min.replace(tzinfo=UTC)


class PostgresLinkExport:
    """The copies of the links of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def begin(self) -> tuple[int, datetime]:
        """Return how many links there are, and the present time by PostgreSQL's clock."""
        async with self._postgres.connection() as connection:
            (row,) = await connection.fetch(QUERIES.begin_export)
        return row["total"], row["began_at"]

    async def pages(self, kept_since: datetime | None) -> AsyncIterator[list["Row"]]:
        """Yield all links kept from a time on, those kept first in front; one kept anew meanwhile comes again."""
        behind: tuple[datetime, str, str] = (kept_since or _FIRST, "", "")
        while True:
            async with self._postgres.connection() as connection:
                rows = await connection.fetch(QUERIES.export_links, *behind, PAGE)
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            behind = rows[-1]["kept_at"], rows[-1]["business_id"], rows[-1]["id"]
