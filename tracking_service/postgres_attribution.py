"""Keeps what events are credited to in PostgreSQL: takes marks, decides again, appends the difference."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING
from uuid import UUID

from tracking_service.attribution import (
    CLOCK_TOLERANCE,
    ORDER_EARNS_FROM,
    PURCHASE,
    RULES_VERSION,
    Click,
    Event,
    VisitorClicks,
    clicks_by_visitor,
    credit,
    earners,
    names_order,
)
from tracking_service.catalogue import CLICKED
from tracking_service.ledger import Credited, Entry, Mark, Standing, difference
from tracking_service.postgres import Postgres, columns
from tracking_service.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres import Connection, Row

QUERIES = load("attribution")
# Apart from the other advisory locks; an arbitrary number.
LOCK_CLASS = 7_262_002

Events = dict[str, list[Event]]
"""Events by business."""


class PostgresAttribution:
    """The credits of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def settle(self, limit: int) -> int:
        """Decide again on the events of at most so many marks, and return how many marks there were."""
        return await self._take(QUERIES.take_marks, limit)

    async def settle_alone(self, mark_id: int) -> None:
        """Decide again on the events of one mark, unless it is in other hands."""
        await self._take(QUERIES.take_mark, mark_id)

    async def oldest(self, limit: int) -> list[Mark]:
        """Return the marks that would be taken next."""
        return await self._marks(QUERIES.find_oldest, limit)

    async def put_aside_before(self, limit: int) -> list[Mark]:
        """Return marks that were put aside and whose time has come."""
        return await self._marks(QUERIES.find_put_aside, limit)

    async def put_aside(self, mark_id: int, seconds: float) -> None:
        """Leave a mark alone for so long."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.put_aside, mark_id, seconds)

    async def _take(self, query: str, parameter: int) -> int:
        async def work(connection: "Connection") -> int:
            marks = [tuple(row) for row in await connection.fetch(query, parameter)]
            if marks:
                await connection.execute(QUERIES.lock_businesses, [mark[0] for mark in marks], LOCK_CLASS)
                await _settle(connection, await _find_events(connection, marks))
            return len(marks)

        return await self._postgres.in_transaction(work)

    async def _marks(self, query: str, limit: int) -> list[Mark]:
        async with self._postgres.connection() as connection:
            return [Mark(*row) for row in await connection.fetch(query, limit)]


async def _settle(connection: "Connection", events: Events) -> None:
    if not events:
        return
    clicks = await _find_clicks(connection, events)
    standings = await _find_standings(connection, events)
    lines = [
        line
        for business_id, of_business in events.items()
        for line in _lines(business_id, of_business, clicks[business_id], standings[business_id])
    ]
    if lines:
        await connection.execute(QUERIES.append_entries, *columns(lines), RULES_VERSION)


def _lines(
    business_id: str, events: Sequence[Event], clicks: VisitorClicks, standings: dict[UUID, Standing]
) -> Iterable[tuple[object, ...]]:
    """Yield the rows to append for the events of one business."""
    earning = earners(events)
    by_id = {event.id: event for event in events}
    decided = {event.id: credit(event, clicks.of(event), earns=event.id in earning) for event in events}
    for entry in difference(decided, standings):
        yield _line(business_id, by_id[entry.event_id], entry)


def _line(business_id: str, event: Event, entry: Entry) -> tuple[object, ...]:
    numbers = (entry.event_id, entry.entry, entry.sign)
    return (business_id, *numbers, event.action, event.occurred_at, *astuple(entry.credited))


async def _find_events(connection: "Connection", marks: Sequence[tuple[object, ...]]) -> Events:
    orders = list(ORDER_EARNS_FROM)
    rows = await connection.fetch(QUERIES.find_events, *columns(marks), CLICKED, orders, PURCHASE)
    events: Events = defaultdict(list)
    for row in rows:
        events[row["business_id"]].append(_event(row))
    return events


async def _find_clicks(connection: "Connection", events: Events) -> dict[str, VisitorClicks]:
    sessions, persons = _visitors(events)
    # No rows make no columns, but each parameter wants its array.
    used = columns(sessions) or [()] * 2
    ranges = columns(persons) or [()] * 4
    rows = await connection.fetch(QUERIES.find_clicks, *used, *ranges)
    clicks: dict[str, list[Click]] = defaultdict(list)
    for business_id, *values in rows:
        clicks[business_id].append(Click(*values))
    return {business_id: clicks_by_visitor(clicks[business_id]) for business_id in events}


def _visitors(events: Events) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return the sessions of events, and their persons with the range that their clicks can lie in."""
    sessions = {(business_id, event.session) for business_id, some in events.items() for event in some if event.session}
    by_person: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for business_id, some in events.items():
        for event in some:
            if event.profile_key is not None:
                by_person[business_id, event.profile_key].append(event)
    ranges: list[tuple[object, ...]] = [
        (
            *person,
            min(event.occurred_at - event.window for event in some),
            max(event.occurred_at for event in some) + CLOCK_TOLERANCE,
        )
        for person, some in by_person.items()
    ]
    return list(sessions), ranges


async def _find_standings(connection: "Connection", events: Events) -> dict[str, dict[UUID, Standing]]:
    wanted = [(business_id, event.id) for business_id, some in events.items() for event in some]
    standings: dict[str, dict[UUID, Standing]] = {business_id: {} for business_id in events}
    for business_id, event_id, entry, sign, *credited in await connection.fetch(
        QUERIES.find_standings, *columns(wanted)
    ):
        standings[business_id][event_id] = Standing(entry, Credited(*credited) if sign > 0 else None)
    return standings


def _event(row: "Row") -> Event:
    return Event(
        id=row["id"],
        action=row["action"],
        session=row["session"],
        profile_key=row["profile_key"],
        occurred_at=row["occurred_at"],
        object_id=row["object_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        names_order=names_order(row["purchased"]),
        is_conversion=row["is_conversion"],
        window=row["attribution_window"],
    )
