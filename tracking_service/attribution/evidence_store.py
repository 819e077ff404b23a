"""Finds what attribution rests on: events with all of their orders, and the clicks of their visitors."""

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.credits import ORDER_ACTIONS, PURCHASE, VisitorClicks, clicks_by_visitor, names_order
from tracking_service.attribution.queries import QUERIES
from tracking_service.attribution.queue_store import Visitor
from tracking_service.attribution.rules import CLOCK_TOLERANCE, CandidateClick, Event
from tracking_service.attribution.sources import other_source, source_of
from tracking_service.counters.scopes import SessionKey
from tracking_service.postgres.arrays import columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


Events = dict[str, list[Event]]
"""Events by business."""


class EventPlace(NamedTuple):
    """What finds an event."""

    business_id: str
    id: UUID
    received_at: datetime


class PersonRange(NamedTuple):
    """A person, by the surrogate, and the range that the clicks which matter can lie in."""

    business_id: str
    profile_key: int
    from_at: datetime
    to_at: datetime


class SeenSource(NamedTuple):
    """A source that an event names."""

    business_id: str
    source: str


async def find_events(connection: "Connection", places: Sequence[EventPlace]) -> Events:
    """Return events, and with them all events of their orders."""
    if not places:
        return {}
    found = columns(places, "business_id", "id", "received_at")
    rows = await connection.fetch(QUERIES.find_events, *found, list(ORDER_ACTIONS), PURCHASE)
    own = await _find_own_sources(connection, rows)
    events: Events = defaultdict(list)
    for row in rows:
        events[row["business_id"]].append(_event(row, own[row["business_id"]]))
    return dict(events)


async def find_concerned(connection: "Connection", visitors: Sequence[Visitor]) -> Events:
    """Return the events of visitors, with all events of their orders."""
    rows = await connection.fetch(
        QUERIES.find_concerned, *columns(visitors, "business_id", "session", "profile_key", "since"), CLICKED
    )
    return await find_events(connection, [EventPlace(**row) for row in rows])


async def find_clicks(connection: "Connection", events: Events) -> dict[str, VisitorClicks]:
    """Return the clicks that events may be credited to, by business."""
    sessions, persons = _visitors(events)
    rows = await connection.fetch(
        QUERIES.find_clicks,
        *columns(sessions, "business_id", "session"),
        *columns(persons, "business_id", "profile_key", "from_at", "to_at"),
    )
    clicks: dict[str, list[CandidateClick]] = defaultdict(list)
    for row in rows:
        values = dict(row)
        clicks[values.pop("business_id")].append(CandidateClick(**values))
    return {business_id: clicks_by_visitor(clicks[business_id]) for business_id in events}


async def _find_own_sources(connection: "Connection", rows: Sequence["Row"]) -> dict[str, set[str]]:
    """Return, of the sources that events name, those that their businesses' links bring."""
    own: dict[str, set[str]] = {row["business_id"]: set() for row in rows}
    named = {(row["business_id"], source_of(row["utm_params"])) for row in rows if row["utm_params"] is not None}
    # A NUL or half of a surrogate pair fits into no text of PostgreSQL, so no link has one.
    seen = [SeenSource(business, source) for business, source in named if source is not None and _is_storable(source)]
    if seen:
        for row in await connection.fetch(QUERIES.find_own_sources, *columns(seen, "business_id", "source")):
            own[row["business_id"]].add(row["source"])
    return own


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _visitors(events: Events) -> tuple[set[SessionKey], list[PersonRange]]:
    """Return the sessions of events, and their persons with the range that their clicks can lie in."""
    sessions = {
        SessionKey(business_id, event.session)
        for business_id, some in events.items()
        for event in some
        if event.session
    }
    by_person: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for business_id, some in events.items():
        for event in some:
            if event.profile_key is not None:
                by_person[business_id, event.profile_key].append(event)
    ranges = [
        PersonRange(
            business_id,
            profile_key,
            from_at=min(event.occurred_at - event.window for event in some),
            to_at=max(event.occurred_at for event in some) + CLOCK_TOLERANCE,
        )
        for (business_id, profile_key), some in by_person.items()
    ]
    return sessions, ranges


def _event(row: "Row", own_sources: Container[str]) -> Event:
    return Event(
        id=row["id"],
        action=row["action"],
        session=row["session"],
        profile_key=row["profile_key"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        order_id=row["order_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        other_source=other_source(row["utm_params"], row["occurred_at"], own_sources),
        names_order=names_order(row["purchased"]),
        is_conversion=row["is_conversion"],
        is_private=row["is_private"],
        needs_confirmation=row["needs_confirmation"],
        page_amount_ceiling=row["page_amount_ceiling"],
        window=row["attribution_window"],
        said_amount=row["said_amount"],
    )
