"""The queue of visitors whose events are to be decided on again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.attribution.queries import QUERIES
from tracking_service.postgres.arrays import packed_columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class Visitor(NamedTuple):
    """Whose events are to be decided again: a session's, a profile's by its surrogate, or both's.

    What occurred before `since` is left aside. Without it the whole history is looked at, which a claim needs, but
    neither an event (it concerns itself) nor a click (it concerns what came after it).
    """

    business_id: str
    session: str | None
    profile_key: int | None
    since: datetime | None = None


async def mark_dirty(connection: "Connection", visitors: Iterable[Visitor]) -> None:
    """Have the events of visitors decided again."""
    marks = set(visitors)
    if marks:
        await connection.execute(
            QUERIES.mark_dirty, *packed_columns(marks, "business_id", "session", "profile_key", "since")
        )


async def mark_persons(connection: "Connection", business_id: str, persons: Sequence[int], since: datetime) -> None:
    """Have what people (surrogates) did since a time decided again; by one mark, since most have done nothing."""
    await connection.execute(QUERIES.mark_persons, business_id, persons, since)


class Due(NamedTuple):
    """What there is to do."""

    marks_of_many: bool
    marks: bool
    put_aside: bool
    sweeps: bool


class Spread(NamedTuple):
    """How many marks of many people were taken, and how many of single ones came of them."""

    taken: int
    marked: int


class Mark(NamedTuple):
    """Someone whose events must be decided again, and how often that has failed."""

    id: int
    attempts: int
