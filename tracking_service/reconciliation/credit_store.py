"""Decides attribution again over the evidence kept, visitor by visitor, and compares it with the ledger."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.evidence_store import EventPlace, find_concerned, find_events
from tracking_service.attribution.ledger import Credited
from tracking_service.attribution.queue_store import Visitor
from tracking_service.attribution.store import Line, outstanding
from tracking_service.reconciliation.counter_store import RecountRange
from tracking_service.reconciliation.queries import QUERIES
from tracking_service.reconciliation.reconciliation import CreditDifference

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


# Visitors of a page, and about how many events they may have together; one visitor's are always taken whole.
VISITORS = 500
EVENTS = 5_000
MARKS = 500

Found = dict[UUID, CreditDifference]
"""Differences by the event."""
NOTHING = "nothing"


async def recount_credits(connection: "Connection", range_: RecountRange, limit: int) -> tuple[int, Found]:
    """Return how many events were decided on again, and at most about so many that should be credited otherwise.

    Events that wait for the attribution are not wrong: they are left out.
    """
    events, found = 0, Found()
    async for places in _pages(connection, range_.business_id):
        decided = await find_events(connection, places)
        events += len(decided.get(range_.business_id, ()))
        if len(found) <= limit:
            found |= _differences(range_, await outstanding(connection, decided))
    if found:
        for event_id in await _waiting(connection, range_.business_id, list(found)):
            found.pop(event_id, None)
    return events, found


async def broken_ledgers(connection: "Connection", range_: RecountRange, limit: int) -> Found:
    """Return events whose entries are not what appending gives."""
    parameters = (range_.business_id, range_.from_at, range_.to_at, limit)
    rows = await connection.fetch(QUERIES.find_broken_ledgers, *parameters)
    return {row["event_id"]: CreditDifference(_key(row["event_id"]), row["reason"], "") for row in rows}


async def _pages(connection: "Connection", business_id: str) -> AsyncIterator[list[EventPlace]]:
    """Yield the places of all events, those of some visitors at a time."""
    behind: object
    for behind, name, find_visitors, find_places in (
        (-(2**63), "profile_key", QUERIES.find_persons, QUERIES.find_places_of_persons),
        ("", "session", QUERIES.find_sessions, QUERIES.find_places_of_sessions),
    ):
        last = behind
        while visitors := [
            row[name] for row in await connection.fetch(find_visitors, business_id, last, VISITORS, EVENTS, CLICKED)
        ]:
            yield [EventPlace(**row) for row in await connection.fetch(find_places, business_id, visitors, CLICKED)]
            last = visitors[-1]


def _differences(range_: RecountRange, lines: Sequence[Line]) -> Found:
    """Return what lines that the ledger lacks say: one that takes back, one that credits, or both."""
    taken, given = (
        {line.entry.event_id: line.credited for line in lines if line.entry.sign == sign} for sign in (-1, 1)
    )
    found = Found()
    for line in lines:
        event_id = line.entry.event_id
        if _is_within(range_, line.event.occurred_at):
            said = (_words(taken.get(event_id)), _words(given.get(event_id)))
            found[event_id] = CreditDifference(_key(event_id), *said)
    return found


def _is_within(range_: RecountRange, at: datetime) -> bool:
    return (range_.from_at is None or at >= range_.from_at) and (range_.to_at is None or at < range_.to_at)


async def _waiting(connection: "Connection", business_id: str, found: Sequence[UUID]) -> set[UUID]:
    """Return the events that marks or changes for the whole business concern, with all events of their orders."""
    waiting = {row["id"] for row in await connection.fetch(QUERIES.find_swept, business_id, found)}
    last = 0
    while marks := await connection.fetch(QUERIES.find_marks, business_id, last, MARKS):
        last = marks[-1]["id"]
        visitors = [Visitor(row["business_id"], row["session"], row["profile_key"], row["since"]) for row in marks]
        events = await find_concerned(connection, visitors)
        waiting |= {event.id for event in events.get(business_id, ())}
        waiting &= set(found)
    return waiting


def _key(event_id: UUID) -> tuple[tuple[str, str], ...]:
    return (("event", str(event_id)),)


def _words(credited: Credited | None) -> str:
    if credited is None:
        return NOTHING
    click = "no click" if credited.click_id is None else f"click {credited.click_id} on link {credited.link}"
    if credited.revenue_minor is None or credited.currency is None:
        return f"{click}, conversions: {credited.conversions}"
    # In minor units: what stands in the ledger may be no currency any more.
    amount = f"{credited.revenue_minor} minor units of {credited.currency}"
    return f"{click}, conversions: {credited.conversions}, {amount}, {credited.provenance}"
