"""Reads the counters of reports from PostgreSQL: rollups alone, never raw rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common.clock import EPOCH
from tracking_service.accounts.store import check_business
from tracking_service.counters.scopes import BUCKET, LINK, Scope, by_day, cohort_of, day_behind, day_of
from tracking_service.counters.tally import PACKED, values_of
from tracking_service.postgres.pool import Postgres
from tracking_service.refused_requests.store import refused_within
from tracking_service.reports.queries import QUERIES
from tracking_service.reports.range import Basis, Range
from tracking_service.reports.report import ActionSum, ClickSum, EventSum, Sums, ValueSum

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

_NAMES = ("campaign", "journey", "message")
HAS_LINKS = {kind: QUERIES.has_links.format(scope=kind) for kind in _NAMES} | {
    LINK: QUERIES.has_links.format(scope="id")
}
KNOWN = {kind: QUERIES.list_known.format(scope=kind) for kind in _NAMES} | {LINK: QUERIES.list_newest_links}
_EVER = (EPOCH, datetime(9999, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which counters a report reads: a scope's, within a range of time and by its points."""

    business_id: str
    scope: Scope
    from_at: datetime
    to_at: datetime
    points: Sequence[datetime]

    @property
    def within(self) -> tuple[object, ...]:
        """Return the parameters of a query without points."""
        return self.business_id, *self.scope, self.from_at, self.to_at


class PostgresReports:
    """The counters of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def start(self, business_id: str, scope: Scope, basis: Basis) -> datetime | None:
        """Return the bucket of the first click or event of a scope, if there is one. Raises `BUSINESS_UNKNOWN`."""
        async with self._postgres.connection() as connection:
            await check_business(connection, business_id)
            counted = _counted(scope, basis)
            if counted is None:
                return await _link_start(connection, business_id, scope[1])
            found: datetime | None = await connection.fetchval(QUERIES.find_start, business_id, *counted)
            return found

    async def is_known(self, business_id: str, scope: Scope) -> bool:
        """Tell whether a link here has a scope or is it, or something is counted there. Raises `BUSINESS_UNKNOWN`."""
        kind, scope_id = scope
        async with self._postgres.connection() as connection:
            await check_business(connection, business_id)
            return (
                await connection.fetchval(HAS_LINKS[kind], business_id, scope_id)
                or await connection.fetchval(QUERIES.find_start, business_id, *scope) is not None
            )

    async def known(self, business_id: str, kind: str, limit: int) -> list[str]:
        """Return the scopes of a kind that links of a business have: in their order, of links the newest."""
        async with self._postgres.reading(business_id) as connection:
            rows = await connection.fetch(KNOWN[kind], business_id, limit)
        return [row["scope_id"] for row in rows]

    async def sums(self, business_id: str, scope: Scope, range_: Range) -> Sums:
        """Return what the counters say of a scope and a range with at least one point.

        All of it as of one moment, so that the parts agree.
        """
        async with (
            self._postgres.reading(business_id) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            refused = await refused_within(connection, business_id, range_.from_at, range_.to_at)
            recipients = await _recipients(connection, business_id, scope)
            counted = _counted(scope, range_.basis)
            if counted is None:
                sums = await _link_cohort(connection, business_id, scope, range_, recipients)
            else:
                wanted = Wanted(business_id, counted, range_.from_at, range_.to_at, range_.points)
                sums = await _sums(connection, wanted, recipients)
        return replace(sums, refused=refused)

    async def totals(self, business_id: str, scopes: Sequence[Scope], range_: Range) -> dict[Scope, Sums]:
        """Return what the counters say of scopes other than links in a range of one point, but nothing by values.

        All of it as of one moment, in three queries however many scopes there are.
        """
        if not scopes:
            return {}
        kinds, ids = [kind for kind, _ in scopes], [scope_id for _, scope_id in scopes]
        within = (kinds, ids, range_.from_at, range_.to_at)
        found = {scope: Sums(0, [], [], [], {}) for scope in scopes}
        async with (
            self._postgres.reading(business_id) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            for row in await connection.fetch(QUERIES.total_clicks, business_id, *within):
                scope, figures = _scoped(row)
                found[scope].clicks.append(ClickSum(point=1, **figures))
            for row in await connection.fetch(QUERIES.total_events, business_id, *within):
                scope, figures = _scoped(row)
                found[scope].events.append(EventSum(point=1, **figures))
            for row in await connection.fetch(QUERIES.total_recipients, business_id, kinds, ids):
                scope, figures = _scoped(row)
                found[scope] = replace(found[scope], **figures)
        return found


def _counted(scope: Scope, basis: Basis) -> Scope | None:
    """Return the scope whose counters say what is asked for; None where there is none, as for a link by cohort."""
    if basis is Basis.EVENT:
        return scope
    cohort = cohort_of(scope[0])
    return None if cohort is None else (cohort, scope[1])


async def _sums(connection: "Connection", wanted: Wanted, recipients: int) -> Sums:
    return Sums(
        recipients,
        [ClickSum(**_whole(row)) for row in await connection.fetch(QUERIES.sum_clicks, *wanted.within, wanted.points)],
        [EventSum(**_whole(row)) for row in await connection.fetch(QUERIES.sum_events, *wanted.within, wanted.points)],
        [ActionSum(**_whole(row)) for row in await connection.fetch(QUERIES.sum_actions, *wanted.within)],
        await _breakdowns(connection, wanted),
    )


async def _breakdowns(connection: "Connection", wanted: Wanted) -> dict[str, list[ValueSum]]:
    span = await connection.fetchrow(QUERIES.find_span, wanted.business_id, *wanted.scope)
    if span is None or span["first"] is None:
        return {}
    days = whole_days(wanted.from_at, wanted.to_at, span["first"], span["last"])
    found = await connection.fetch(QUERIES.sum_breakdowns, *wanted.within, *days, by_day(wanted.scope[0]))
    return _by_dimension(found)


def whole_days(from_at: datetime, to_at: datetime, first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """Return from when to when a range may be read by whole days, where counters lie between first and last.

    Equal, at the end of the range, where it holds no whole day. A day at an end of all that there is counts as whole.
    """
    start = day_of(max(from_at, first)) if from_at <= first else day_behind(from_at)
    end = day_behind(last + BUCKET) if last < to_at else day_of(to_at)
    return (start, end) if start < end else (to_at, to_at)


async def _link_cohort(
    connection: "Connection", business_id: str, scope: Scope, range_: Range, recipients: int
) -> Sums:
    """Return all that a link has, in the point of its creation: the one date of its cohort."""
    created_at = await _link_start(connection, business_id, scope[1])
    if created_at is None or not range_.from_at <= created_at < range_.to_at:
        return Sums(recipients, [], [], [], {})
    # Everything lies behind the starts of the points up to the creation, so that the last of them is its point.
    points = [EPOCH for start in range_.points if start <= created_at]
    return await _sums(connection, Wanted(business_id, scope, *_EVER, points), recipients)


async def _link_start(connection: "Connection", business_id: str, link: str) -> datetime | None:
    found: datetime | None = await connection.fetchval(QUERIES.find_link_start, business_id, link)
    return found


async def _recipients(connection: "Connection", business_id: str, scope: Scope) -> int:
    if scope[0] == "link":
        return int(await connection.fetchval(QUERIES.count_recipients_of_link, business_id, scope[1]))
    return int(await connection.fetchval(QUERIES.count_recipients, business_id, *scope) or 0)


def _whole(row: "Row") -> dict[str, Any]:
    """Return the values of a row by their names, sums as whole numbers."""
    return {name: value if isinstance(value, str) else int(value) for name, value in row.items()}


def _scoped(row: "Row") -> tuple[Scope, dict[str, Any]]:
    """Return the scope that a row is about, and its other values as `_whole`."""
    values = _whole(row)
    return (values.pop("scope"), values.pop("scope_id")), values


def _by_dimension(rows: Iterable["Row"]) -> dict[str, list[ValueSum]]:
    """Return the values of each dimension; those that were counted together are taken apart."""
    found: dict[str, dict[str, ValueSum]] = {}
    for row in rows:
        dimension, value = row["dimension"], row["value"]
        for name, single in values_of(value) if dimension == PACKED else [(dimension, value)]:
            values = found.setdefault(name, {})
            known = values.get(single, ValueSum(single, 0, 0))
            values[single] = ValueSum(
                single, known.clicks + row["clicks"], known.unique_clickers + row["unique_clickers"]
            )
    return {name: list(values.values()) for name, values in found.items()}
