"""Keeps businesses and tokens in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from common.errors import ClicktrailError, Reason, not_found
from tracking_service.accounts.business import Business
from tracking_service.accounts.known_accounts import KnownBusiness
from tracking_service.accounts.queries import QUERIES
from tracking_service.postgres.pages import Page
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a business's servers, without its secret."""

    id: UUID
    name: str
    created_at: datetime


class PostgresAccounts:
    """Businesses and the hashes of their tokens."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add_business(self, business: Business) -> bool:
        """Keep a new business; tell whether its id was free."""
        async with self._postgres.connection() as connection:
            added = await connection.fetchval(
                QUERIES.add_business, business.id, business.name, business.locale, business.country, business.currency,
                business.attribution_window_days, business.origins, business.created_at, business.rate_factor,
                business.identity_secret or None, business.confirmed_from, business.page_amount_ceiling,
            )  # fmt: skip
        return added is not None

    async def business(self, business_id: str) -> Business | None:
        """Return a business, if there is one."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_business, business_id)
        return None if row is None else _business(row)

    async def change_business(self, business: Business, fields: Collection[str]) -> Business:
        """Take over these fields of a business that there is, and return it as it is then."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(
                QUERIES.change_business, business.id, business.name, business.locale, business.country,
                business.currency, business.attribution_window_days, business.origins, sorted(fields),
                business.rate_factor, business.identity_secret or None, business.confirmed_from,
                business.page_amount_ceiling,
            )  # fmt: skip
        if row is None:
            raise LookupError("businesses are never deleted")
        return _business(row)

    async def business_of_token(self, token_hash: bytes) -> Business | None:
        """Return the business of a token that is not revoked."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_business_of_token, token_hash)
        return None if row is None else _business(row)

    async def known_after(self, business_id: str, limit: int) -> Sequence[KnownBusiness]:
        """Return the next businesses in the order of their ids' code points, as they are known during an outage."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(QUERIES.list_known, business_id, limit)
        return [
            KnownBusiness(
                id=row["id"],
                currency=row["currency"],
                origins=tuple(row["origins"]),
                tokens=frozenset(row["tokens"]),
                rate_factor=row["rate_factor"],
            )
            for row in rows
        ]

    async def add_token(self, business_id: str, token: Token, token_hash: bytes) -> None:
        """Keep a new token."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.add_token, business_id, token.id, token.name, token_hash, token.created_at)

    async def has_token(self, business_id: str, token_id: UUID) -> bool:
        """Tell whether a business has, or had, this token."""
        async with self._postgres.connection() as connection:
            return bool(await connection.fetchval(QUERIES.has_token, business_id, token_id))

    async def tokens(self, business_id: str, page: Page, cursor: UUID | None) -> list[Token]:
        """Return one token more than the page holds, in reading order."""
        query = QUERIES.list_tokens_before if page.is_backwards else QUERIES.list_tokens
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(query, business_id, cursor, page.limit + 1)
        return [Token(**row) for row in rows]

    async def revoke_token(self, business_id: str, token_id: UUID, at: datetime) -> bool:
        """Revoke a token; tell whether the business has it."""
        async with self._postgres.connection() as connection:
            return await connection.fetchval(QUERIES.revoke_token, business_id, token_id, at) is not None


def _business(row: "Row") -> Business:
    return Business(**{**row, "origins": tuple(row["origins"])})


async def check_business(connection: "Connection", business_id: str) -> None:
    """Raise `BUSINESS_UNKNOWN` where there is no such business."""
    if not await connection.fetchval(QUERIES.has_business, business_id):
        raise unknown_business()


def unknown_business() -> ClicktrailError:
    """Return the error for a business that there is not."""
    return not_found(Reason.BUSINESS_UNKNOWN, "There is no such business.", "business_id")
