"""Counts again from raw rows, in PostgreSQL: one entry of a table for each counter."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from common.clock import to_rfc3339
from tracking_service.reconciliation.queries import QUERIES
from tracking_service.reconciliation.reconciliation import CounterDifference

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


@dataclass(frozen=True, slots=True)
class Counter:
    """A table of counters and the query that compares it with a recount: key, and each figure as counted and recounted.

    A table without figures is compared row by row. One that a range is not about is compared whole.
    """

    name: str
    key: tuple[str, ...]
    figures: tuple[str, ...]
    query: str
    has_range: bool = True


BY_SCOPE = ("scope", "scope_id")
COUNTERS = (
    Counter(
        "click_counts",
        (*BY_SCOPE, "bucket"),
        ("clicks", "unique_clickers", "bot_hits", "sessions", "seconds_to_click", "clicked_recipients"),
        QUERIES.compare_click_counts,
    ),
    Counter(
        "breakdown_counts",
        (*BY_SCOPE, "bucket", "dimension", "value"),
        ("clicks", "unique_clickers"),
        QUERIES.compare_breakdown_counts,
    ),
    Counter(
        "first_clicks",
        (*BY_SCOPE, "visitor", "clicked_at", "click_id", "link_created_at", "origin"),
        (),
        QUERIES.compare_first_clicks,
    ),
    Counter("first_clicks", (*BY_SCOPE, "visitor", "clicked_at", "link_created_at"), (), QUERIES.compare_own_clicks),
    Counter(
        "event_counts",
        (*BY_SCOPE, "bucket", "action", "currency"),
        (
            "events",
            "conversions",
            "revenue",
            "taken_back",
            "conversions_led",
            "seconds_to_conversion",
            "confirmed_conversions",
            "confirmed_revenue",
            "unconfirmed_conversions",
            "unconfirmed_revenue",
        ),
        QUERIES.compare_event_counts,
    ),
    Counter("recipients", (*BY_SCOPE, "profile_key"), (), QUERIES.compare_recipients, has_range=False),
    Counter("recipient_counts", BY_SCOPE, ("recipients",), QUERIES.compare_recipient_counts, has_range=False),
)
# What a table without figures has: a row, or none.
_ROWS = ("rows",)


@dataclass(frozen=True, slots=True)
class RecountRange:
    """A business and a range of it; None: without a start, or without an end."""

    business_id: str
    from_at: datetime | None
    to_at: datetime | None


async def compare(
    connection: "Connection", counter: Counter, range_: RecountRange, limit: int
) -> tuple[int, list[CounterDifference]]:
    """Return how many figures a counter has in a range, and at most so many of its rows that differ."""
    within = (range_.from_at, range_.to_at) if counter.has_range else ()
    rows = await connection.fetch(counter.query, range_.business_id, limit, *within)
    figures = counter.figures or _ROWS
    different = [row for row in rows if row["is_different"]]
    return int(rows[0]["total"]) * len(figures), [each for row in different for each in _differences(counter, row)]


def _differences(counter: Counter, row: "Row") -> Iterable[CounterDifference]:
    key = tuple((name, _text(row[name])) for name in counter.key)
    for figure in counter.figures or _ROWS:
        counted, recounted = int(row[f"counted_{figure}"]), int(row[f"recounted_{figure}"])
        if counted != recounted:
            yield CounterDifference(counter.name, key, figure, counted, recounted)


def _text(value: object) -> str:
    return to_rfc3339(value) if isinstance(value, datetime) else str(value)
