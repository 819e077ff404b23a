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
    """A table of counters and the query that counts again: it gives the same columns, key and figures.

    A table without figures is compared row by row. `at` is the column of the key that a range is about; None: the table
    is compared whole. `after` is what the query reads from, `only` what the rows of the table are.
    """

    table: str
    key: tuple[str, ...]
    figures: tuple[str, ...]
    recount: str
    at: str | None = "bucket"
    after: str = ""
    only: str = "true"

    @property
    def name(self) -> str:
        """Return what it is called: of links' counters and all others together, as the others."""
        return self.table.removeprefix("all_")


BY_SCOPE = ("scope", "scope_id")
COUNTERS = (
    Counter(
        "all_click_counts",
        (*BY_SCOPE, "bucket"),
        ("clicks", "unique_clickers", "bot_hits", "sessions", "seconds_to_click", "clicked_recipients"),
        QUERIES.recount_clicks,
        after=QUERIES.visits,
    ),
    Counter(
        "all_breakdown_counts",
        (*BY_SCOPE, "bucket", "dimension", "value"),
        ("clicks", "unique_clickers"),
        QUERIES.recount_breakdowns,
        after=QUERIES.visits,
    ),
    Counter(
        "first_clicks",
        (*BY_SCOPE, "visitor", "clicked_at", "click_id", "link_created_at", "origin"),
        (),
        QUERIES.recount_first_clicks,
        at="clicked_at",
        after=QUERIES.visits,
        only="NOT is_own",
    ),
    Counter(
        "first_clicks",
        (*BY_SCOPE, "visitor", "clicked_at", "link_created_at"),
        (),
        QUERIES.recount_own_clicks,
        at="clicked_at",
        after=QUERIES.visits,
        only="is_own",
    ),
    Counter(
        "event_counts",
        (*BY_SCOPE, "bucket", "action", "currency"),
        ("events", "conversions", "revenue", "taken_back", "conversions_led", "seconds_to_conversion"),
        QUERIES.recount_events,
    ),
    Counter("recipients", (*BY_SCOPE, "profile_key"), (), QUERIES.recount_recipients, at=None),
    Counter("recipient_counts", BY_SCOPE, ("recipients",), QUERIES.recount_recipient_counts, at=None),
)
# What a table without figures has: a row, or none.
_ROWS = ("rows",)


@dataclass(frozen=True, slots=True)
class Range:
    """A business and a range of it; None: without a start, or without an end."""

    business_id: str
    from_at: datetime | None
    to_at: datetime | None


async def compare(
    connection: "Connection", counter: Counter, range_: Range, limit: int
) -> tuple[int, list[CounterDifference]]:
    """Return how many figures a counter has in a range, and at most so many of its rows that differ."""
    rows = await connection.fetch(_comparison(counter), range_.business_id, range_.from_at, range_.to_at, limit)
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


def _comparison(counter: Counter) -> str:
    """Return the statement that compares a counter: it always has a row, for the total."""
    key = ", ".join(counter.key)
    figures = counter.figures or _ROWS
    wanted = "".join(f", {figure}" for figure in figures) if counter.figures else ", 1 AS rows"
    # A link that lost its recipient has its counters in two tables.
    summed = "".join(f", sum({figure}) AS {figure}" for figure in figures) if counter.figures else wanted
    grouped = f"GROUP BY {key}" if counter.figures else ""
    both = "".join(
        f", coalesce(c.{figure}, 0) AS counted_{figure}, coalesce(r.{figure}, 0) AS recounted_{figure}"
        for figure in figures
    )
    within = f"($2::timestamptz IS NULL OR {counter.at} >= $2) AND ($3::timestamptz IS NULL OR {counter.at} < $3)"
    within = within if counter.at else "$2::timestamptz IS NULL OR $3::timestamptz IS NULL OR true"
    different = " OR ".join(f"counted_{figure} <> recounted_{figure}" for figure in figures)
    after = f"{counter.after}, " if counter.after else ""
    # Every name comes from the table above, none from a caller.
    return f"""
        WITH {after}again AS (
            {counter.recount}
        ), recounted AS (
            SELECT {key}{wanted} FROM again WHERE {within}
        ), counted AS (
            SELECT {key}{summed} FROM {counter.table} WHERE business_id = $1 AND {counter.only} AND ({within}) {grouped}
        ), compared AS MATERIALIZED (
            SELECT {key}{both} FROM counted c FULL JOIN recounted r USING ({key})
        )
        SELECT total, d.*
        FROM (SELECT count(*) AS total FROM compared) AS all_rows
        LEFT JOIN LATERAL (
            SELECT *, true AS is_different FROM compared WHERE {different} ORDER BY {key} LIMIT $4) AS d ON true
    """  # noqa: S608  (see above)
