"""Counts again from raw rows, in PostgreSQL: one entry of a table for each counter."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from common.clock import to_rfc3339
from tracking_service.reconciliation.queries import QUERIES
from tracking_service.reconciliation.reconciliation import CounterDifference

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


# What a table without figures has: a row, or none.
_ROWS = ("rows",)


@dataclass(frozen=True, slots=True)
class Counter:
    """A table of counters and what recounts it, row by row by their key, figure by figure.

    A table without figures is compared row by row. `at` is the column that a range is about; None: compared whole.
    """

    name: str
    key: tuple[str, ...]
    figures: tuple[str, ...]
    recount: str
    """A query with these columns, behind `before`."""
    table: str
    before: str = ""
    at: str | None = "bucket"
    only: str = "true"
    """Which rows of the table it is about."""

    @property
    def query(self) -> str:
        """Return what compares the table with its recount; it takes a business, a limit, and perhaps a range."""
        key = ", ".join(self.key)
        figures = self.figures or _ROWS
        told = {
            "before": f"{self.before}, " if self.before else "",
            "key": key,
            "recounted": ", ".join(self.figures) or "1 AS rows",
            "recount": self.recount,
            "counted": ", ".join(f"sum({figure}) AS {figure}" for figure in self.figures) or "1 AS rows",
            "table": self.table,
            "only": self.only,
            "in_range": QUERIES.within.replace("{at}", self.at) if self.at else "true",
            "grouped": f"GROUP BY {key}" if self.figures else "",
            "both": ", ".join(
                f"coalesce({side}.{figure}, 0) AS {word}_{figure}"
                for figure in figures
                for side, word in (("c", "counted"), ("r", "recounted"))
            ),
            "differs": " OR ".join(f"counted_{figure} <> recounted_{figure}" for figure in figures),
        }
        return _SLOT.sub(lambda found: told[found[1]], QUERIES.compare)


_SLOT = re.compile(r"\{(\w+)\}")
_SCOPE = ("scope", "scope_id")
_VISITOR = (*_SCOPE, "visitor", "clicked_at", "link_created_at")
COUNTERS = (
    Counter(
        "click_counts",
        (*_SCOPE, "bucket"),
        ("clicks", "unique_clickers", "bot_hits", "sessions", "seconds_to_click", "clicked_recipients"),
        QUERIES.recount_clicks,
        "all_click_counts",
        QUERIES.visits,
    ),
    Counter(
        "breakdown_counts",
        (*_SCOPE, "bucket", "dimension", "value"),
        ("clicks", "unique_clickers"),
        QUERIES.recount_breakdowns,
        "all_breakdown_counts",
        QUERIES.visits,
    ),
    Counter(
        "first_clicks",
        (*_VISITOR, "click_id", "origin"),
        (),
        QUERIES.recount_first_clicks,
        "first_clicks",
        QUERIES.visits,
        at="clicked_at",
        only="NOT is_own",
    ),
    Counter(
        "first_clicks",
        _VISITOR,
        (),
        QUERIES.recount_own_clicks,
        "first_clicks",
        QUERIES.visits,
        at="clicked_at",
        only="is_own",
    ),
    Counter(
        "event_counts",
        (*_SCOPE, "bucket", "action", "currency"),
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
        QUERIES.recount_events,
        "event_counts",
    ),
    Counter("recipients", (*_SCOPE, "profile_key"), (), QUERIES.recount_recipients, "recipients", at=None),
    Counter("recipient_counts", _SCOPE, ("recipients",), QUERIES.recount_recipient_counts, "recipient_counts", at=None),
)


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
    within = (range_.from_at, range_.to_at) if counter.at else ()
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
