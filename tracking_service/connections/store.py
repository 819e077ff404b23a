"""Keeps connections in PostgreSQL, their secrets encrypted."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.accounts.store import check_business
from tracking_service.connections.connection import MOST_OF_BUSINESS, ShopConnection, too_many
from tracking_service.connections.queries import QUERIES
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

CONNECTIONS = Listing(QUERIES.list_connections, QUERIES.find_position)


class KeptSecrets(NamedTuple):
    """The secrets of a connection, encrypted; the first empty, the second None where there is none."""

    id: str
    secret: bytes
    previous_secret: bytes | None


class PostgresConnections:
    """The connections of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def create(self, made: ShopConnection) -> None:
        """Keep a new connection. Raises `BUSINESS_UNKNOWN`, and `NOT_ALLOWED` for one too many."""

        async def work(connection: "Connection") -> None:
            if await connection.fetchval(QUERIES.lock_business, made.business_id) is None:
                await check_business(connection, made.business_id)
            if await connection.fetchval(QUERIES.count_connections, made.business_id) >= MOST_OF_BUSINESS:
                raise too_many()
            await connection.execute(
                QUERIES.create_connection, made.id, made.business_id, made.platform, made.source, made.name,
                made.mapping, made.secret, made.is_enabled, made.created_at,
            )  # fmt: skip

        await self._postgres.in_transaction(work)

    async def find(self, business_id: str, connection_id: str) -> ShopConnection | None:
        """Return a connection, if the business has it."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_connection, business_id, connection_id)
        return None if row is None else ShopConnection(**row)

    async def page(self, business_id: str, page: Page) -> tuple[list[ShopConnection], bool]:
        """Return a page of connections, newest first, and whether there are more."""
        async with self._postgres.connection() as connection:
            rows, has_more = await read_page(connection, CONNECTIONS, (business_id,), page)
        return [ShopConnection(**row) for row in rows], has_more

    async def change(self, wanted: ShopConnection, fields: Collection[str]) -> ShopConnection | None:
        """Take over these fields and return the connection as it is then; None: there is none."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(
                QUERIES.change_connection, wanted.business_id, wanted.id, list(fields), wanted.name,
                wanted.is_enabled, wanted.secret,
            )  # fmt: skip
        return None if row is None else ShopConnection(**row)

    async def delete(self, business_id: str, connection_id: str) -> bool:
        """Delete a connection; tell whether there was one."""
        async with self._postgres.connection() as connection:
            return await connection.fetchval(QUERIES.delete_connection, business_id, connection_id) is not None

    async def secrets_after(self, connection_id: str, limit: int) -> Sequence[KeptSecrets]:
        """Return the secrets of the next connections of all businesses, in the order of their ids."""
        async with self._postgres.connection() as connection:
            return [KeptSecrets(**row) for row in await connection.fetch(QUERIES.list_secrets, connection_id, limit)]

    async def renew(self, before: KeptSecrets, after: KeptSecrets) -> None:
        """Let secrets be encrypted otherwise, unless they were changed meanwhile."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.renew_secrets, *before, *after[1:])
