"""Keeps deliveries in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from tracking_service.inbox.delivery import Hook, ListedDelivery, PlatformDelivery, Settled, SilentConnection
from tracking_service.inbox.queries import QUERIES
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.partitions import INBOX, Partitions
from tracking_service.postgres.pool import Postgres

DELIVERIES = Listing(QUERIES.list_deliveries, QUERIES.find_position, takes_uuids=True)


class PostgresInbox:
    """The deliveries of all connections."""

    def __init__(self, postgres: Postgres, partitions: Partitions) -> None:
        self._postgres = postgres
        self._partitions = partitions

    async def hook(self, connection_id: str) -> Hook | None:
        """Return a connection by its id alone."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_hook, connection_id)
        return None if row is None else Hook(**row)

    async def hooks_after(self, connection_id: str, limit: int) -> Sequence[Hook]:
        """Return the next connections of all businesses in the order of their ids' code points."""
        async with self._postgres.connection() as connection:
            return [Hook(**row) for row in await connection.fetch(QUERIES.list_hooks, connection_id, limit)]

    async def count_refused(self, connection_id: str) -> None:
        """Count a delivery whose signature was wrong."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.count_refused, connection_id)

    async def add(self, delivery: PlatformDelivery, *, left_seconds: float = 0.0) -> None:
        """Keep a delivery, once; for so long workers leave it to whoever has taken it in."""
        await self._partitions.cover(INBOX, [delivery.received_at])
        async with self._postgres.connection() as connection:
            await connection.execute(
                QUERIES.add_delivery, delivery.id, delivery.business_id, delivery.connection_id, delivery.received_at,
                delivery.topic, delivery.headers, delivery.query, delivery.body, delivery.people, left_seconds,
            )  # fmt: skip

    async def claim(self, limit: int) -> Sequence[PlatformDelivery]:
        """Return deliveries that wait, which nobody else gets for a while."""
        async with self._postgres.connection() as connection:
            return [PlatformDelivery(**row) for row in await connection.fetch(QUERIES.claim_waiting, limit)]

    async def settle(self, delivery: PlatformDelivery, settled: Settled) -> None:
        """Note what became of a delivery."""
        async with self._postgres.connection() as connection:
            await connection.execute(
                QUERIES.settle, delivery.received_at, delivery.id, settled.outcome, settled.events, settled.reason
            )

    async def silent(self, business_id: str | None) -> Sequence[SilentConnection]:
        """Return the connections that have fallen silent, of a business or all, the longest silent first."""
        async with self._postgres.connection() as connection:
            return [SilentConnection(**row) for row in await connection.fetch(QUERIES.list_silent, business_id)]

    async def end(self, connection_id: str, reason: str) -> None:
        """Switch a connection off that its platform has ended."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.end_connection, connection_id, reason)

    async def page(self, business_id: str, connection_id: str, page: Page) -> tuple[list[ListedDelivery], bool]:
        """Return a page of a connection's deliveries, newest first, and whether there are more."""
        async with self._postgres.connection() as connection:
            rows, has_more = await read_page(connection, DELIVERIES, (business_id, connection_id), page)
        return [ListedDelivery(**row) for row in rows], has_more

    async def replay(self, business_id: str, connection_id: str, from_time: datetime) -> int:
        """Let deliveries from a time on wait once more, and return how many."""
        async with self._postgres.connection() as connection:
            return int(await connection.fetchval(QUERIES.replay, business_id, connection_id, from_time))
