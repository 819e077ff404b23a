"""The queue of visitors whose events are to be decided on again."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from tracking_service.attribution.queries import QUERIES
from tracking_service.postgres.arrays import columns, packed_columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class Visitor(NamedTuple):
    """Whose events are to be decided again: a session's, a profile's by its surrogate, or both's.

    What occurred before `since` is left out. Without it the whole history is looked at, which a claim needs, but
    neither an event (it concerns itself) nor a click (it concerns what came after it).
    """

    business_id: str
    session: str | None
    profile_key: int | None
    since: datetime | None = None


class NamedOrder(NamedTuple):
    """An order, by the object id of any of its references."""

    business_id: str
    id: UUID


async def mark_dirty(connection: "Connection", visitors: Iterable[Visitor]) -> None:
    """Have the events of visitors decided again."""
    dirty = set(visitors)
    if dirty:
        await connection.execute(
            QUERIES.mark_dirty, *packed_columns(dirty, "business_id", "session", "profile_key", "since")
        )


async def mark_persons(connection: "Connection", business_id: str, persons: Sequence[int], since: datetime) -> None:
    """Have what people (surrogates) did since a time decided again; by one row, since most have done nothing."""
    await connection.execute(QUERIES.mark_persons, business_id, persons, since)


async def mark_orders(connection: "Connection", orders: Collection[NamedOrder]) -> None:
    """Have all that was told of orders, by whatever reference, decided again."""
    await connection.execute(QUERIES.mark_orders, *columns(orders, "business_id", "id"))


class Pending(NamedTuple):
    """What there is to process: groups of people, single visitors, those to be retried now, and backfills."""

    groups: bool
    visitors: bool
    retries: bool
    backfills: bool


class FannedOut(NamedTuple):
    """How many groups of people were fanned out, and how many dirty visitors came of them."""

    groups: int
    visitors: int
