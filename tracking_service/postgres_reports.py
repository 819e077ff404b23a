"""Reads the counters of reports from PostgreSQL: rollups alone, never raw rows."""

from datetime import datetime
from typing import TYPE_CHECKING

from tracking_service.domain import Scope
from tracking_service.postgres import Postgres
from tracking_service.postgres_profiles import check_business
from tracking_service.queries import load
from tracking_service.report import ActionSum, ClickSum, EventSum, Sums, ValueSum
from tracking_service.report_range import Range

if TYPE_CHECKING:
    from tracking_service.postgres import Connection, Row

QUERIES = load("reports")


class PostgresReports:
    """The counters of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def start(self, business_id: str, scope: Scope) -> datetime | None:
        """Return the bucket of the first click or event of a scope, if there is one. Raises `BUSINESS_UNKNOWN`."""
        async with self._postgres.connection() as connection:
            await check_business(connection, business_id)
            found: datetime | None = await connection.fetchval(QUERIES.find_start, business_id, *scope)
            return found

    async def sums(self, business_id: str, scope: Scope, range_: Range) -> Sums:
        """Return what the counters say of a scope and a range with at least one point.

        All of it as of one moment, so that the parts agree.
        """
        async with (
            self._postgres.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            within = (business_id, *scope, range_.from_at, range_.to_at)
            return Sums(
                await _recipients(connection, business_id, scope),
                [ClickSum(*row) for row in await connection.fetch(QUERIES.sum_clicks, *within, range_.points)],
                [_event_sum(row) for row in await connection.fetch(QUERIES.sum_events, *within, range_.points)],
                [_action_sum(row) for row in await connection.fetch(QUERIES.sum_actions, *within)],
                _breakdowns(await connection.fetch(QUERIES.sum_breakdowns, *within)),
            )


async def _recipients(connection: "Connection", business_id: str, scope: Scope) -> int:
    if scope[0] == "link":
        return int(await connection.fetchval(QUERIES.count_recipients_of_link, business_id, scope[1]))
    return int(await connection.fetchval(QUERIES.count_recipients, business_id, *scope) or 0)


def _event_sum(row: "Row") -> EventSum:
    return EventSum(row["point"], row["currency"], row["conversions"], int(row["revenue"]))


def _action_sum(row: "Row") -> ActionSum:
    return ActionSum(row["action"], row["currency"], row["events"], int(row["revenue"]))


def _breakdowns(rows: list["Row"]) -> dict[str, list[ValueSum]]:
    found: dict[str, list[ValueSum]] = {}
    for dimension, *values in rows:
        found.setdefault(dimension, []).append(ValueSum(*values))
    return found
