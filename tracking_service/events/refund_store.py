"""Lists the refunds whose order there is not, so that somebody sees what takes nothing back."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from common.json_text import parse
from tracking_service.events import ids
from tracking_service.events.object_store import ORDER
from tracking_service.events.queries import QUERIES
from tracking_service.money import Money
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Row

UNMATCHED = Listing(QUERIES.list_unmatched_refunds, QUERIES.find_refund_position, takes_uuids=True)


@dataclass(frozen=True, slots=True)
class UnmatchedRefund:
    """A refund whose order there is not. order and source are what it says of that, "" where it says nothing."""

    id: UUID
    received_at: datetime
    order: str
    source: str
    amount: Money | None


class PostgresRefunds:
    """The refunds of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def unmatched(self, business_id: str, page: Page) -> tuple[list[UnmatchedRefund], bool]:
        """Return a page of those whose order there is not, newest first, and whether there are more."""
        async with self._postgres.connection() as connection:
            rows, has_more = await read_page(connection, UNMATCHED, (business_id,), page)
        return [_refund(row) for row in rows], has_more


def _refund(row: "Row") -> UnmatchedRefund:
    data: Any = parse((row["object"] or "{}").encode())
    amount = None if row["amount_minor"] is None else Money(row["amount_minor"], row["currency"])
    order, source = ids.comparable(data.get(ORDER)), ids.comparable(data.get("source"))
    return UnmatchedRefund(row["id"], row["received_at"], order, source, amount)
