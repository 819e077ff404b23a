"""Counts again from raw rows, decides attribution again, and says where what is kept differs."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.errors import Reason, field_fault, invalid, unavailable
from tracking_service.counters.scopes import bucket_of

# A caller gets at most so many: where there are more, they have one cause, and are not looked at one by one.
DIFFERENCES_LIMIT = 10_000

Key = tuple[tuple[str, str], ...]
"""What finds a row: names and values, in the order of the table's key."""


@dataclass(frozen=True, slots=True)
class CounterDifference:
    """A figure of a counter that is not what the rows say."""

    counter: str
    key: Key
    figure: str
    counted: int
    recounted: int


@dataclass(frozen=True, slots=True)
class CreditDifference:
    """An event that is not credited to what the rules credit it to, both in words."""

    key: Key
    credited: str
    decided: str


Difference = CounterDifference | CreditDifference


@dataclass(frozen=True, slots=True)
class Recount:
    """What a recount found: its differences, and how much was looked at.

    waiting is how many visitors' events were left out, since they wait for the attribution; from_at is where the range
    began, None at the beginning of all.
    """

    differences: list[Difference]
    has_more: bool
    figures: int
    events: int
    waiting: int
    from_at: datetime | None


class ReconciliationStore(Protocol):
    """Where raw rows and counters are kept. A Protocol, since the store imports what it keeps from here."""

    async def recount(self, business_id: str, from_at: datetime | None, to_at: datetime | None, limit: int) -> Recount:
        """Compare as of one moment. Raises `BUSINESS_UNKNOWN`, `BEYOND_RETENTION`."""


class Reconciliation:
    """Recounts, one at a time: each reads all rows of a business."""

    def __init__(self, store: ReconciliationStore) -> None:
        self._store = store
        self._under_way = asyncio.Lock()

    async def recount(self, business_id: str, from_at: datetime | None, to_at: datetime | None) -> Recount:
        """Recount a range of a business; None: from the oldest rows kept, without an end.

        Raises INVALID with every fault, `OVERLOADED` where another recount is under way, `BUSINESS_UNKNOWN`,
        `BEYOND_RETENTION`.
        """
        _check(from_at, to_at)
        if self._under_way.locked():
            raise unavailable(Reason.OVERLOADED, "Another recount is under way; try again.", retry_after_seconds=10)
        async with self._under_way:
            return await self._store.recount(business_id, from_at, to_at, DIFFERENCES_LIMIT)


def _check(from_at: datetime | None, to_at: datetime | None) -> None:
    named = (("from", from_at), ("to", to_at))
    uneven = [name for name, at in named if at is not None and at != bucket_of(at)]
    faults = [field_fault(name, "must lie on a quarter of an hour.") for name in uneven]
    if from_at is not None and to_at is not None and from_at >= to_at:
        faults.append(field_fault("from", "must lie before `to`."))
    if faults:
        raise invalid(faults)
