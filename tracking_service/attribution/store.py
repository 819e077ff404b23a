"""Keeps what events are credited to in PostgreSQL: takes dirty visitors, decides again, appends the difference."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.credits import VisitorClicks, decide_all
from tracking_service.attribution.evidence_store import EventPlace, Events, find_clicks, find_concerned, find_events
from tracking_service.attribution.explanation import Evidence, KeptEntry, led_by
from tracking_service.attribution.ledger import Credited, LedgerEntry, Standing, difference
from tracking_service.attribution.queries import QUERIES
from tracking_service.attribution.queue_store import FannedOut, Pending, Visitor, mark_dirty
from tracking_service.attribution.rules import RULES_VERSION, CandidateClick, Event, has_click
from tracking_service.counters.store import bump_versions
from tracking_service.marks import KeptMark
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.locks import Lock, lock_names
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from datetime import datetime

    from tracking_service.postgres.pool import Connection

# Activities that a backfill looks at in one go.
BACKFILLED = 1_000

# Clicks of one visitor that an explanation shows.
MOST_CLICKS = 100


class Backfill(NamedTuple):
    """A change that concerns the events of a whole business, and how far through its activities it has come."""

    id: int
    business_id: str
    action: str | None
    needle: str | None
    position: UUID


class Line(NamedTuple):
    """An entry that the ledger of a business lacks, and its event."""

    business_id: str
    event: Event
    entry: LedgerEntry

    @property
    def credited(self) -> Credited:
        """Return what it credits, or takes back."""
        return self.entry.credited


class EventId(NamedTuple):
    """An event of a business."""

    business_id: str
    id: UUID


class PostgresAttribution:
    """The credits of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def pending(self) -> Pending:
        """Tell what there is to process; another worker may be at it."""
        async with self._postgres.connection() as connection:
            (row,) = await connection.fetch(QUERIES.find_pending)
        return Pending(**row)

    async def process(self, limit: int) -> int:
        """Decide again on the events of at most so many visitors, and return how many there were."""
        return await self._process(QUERIES.take_visitors, limit)

    async def process_one(self, mark_id: int) -> None:
        """Decide again on the events of one dirty visitor, unless another worker is at it."""
        await self._process(QUERIES.take_visitor, mark_id)

    async def fan_out(self, limit: int) -> FannedOut:
        """Mark each person who has events dirty, of at most so many groups."""
        (row,) = await self._postgres.by_itself(lambda connection: connection.fetch(QUERIES.fan_out, limit, CLICKED))
        return FannedOut(**row)

    async def backfill(self) -> bool:
        """Mark the next visitors whom a change for a whole business concerns; tell whether there was such a change."""

        async def work(connection: "Connection") -> bool:
            row = await connection.fetchrow(QUERIES.take_backfill)
            if row is None:
                return False
            await _continue(connection, Backfill(**row))
            return True

        return await self._postgres.in_transaction(work)

    async def oldest(self, limit: int) -> list[KeptMark]:
        """Return the visitors that would be processed next."""
        return await self._visitors(QUERIES.find_oldest, limit)

    async def retries(self, limit: int) -> list[KeptMark]:
        """Return visitors that have failed before and are to be tried again now."""
        return await self._visitors(QUERIES.find_retries, limit)

    async def retry_later(self, mark_id: int, seconds: float) -> None:
        """Leave a dirty visitor alone for so long."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.retry_later, mark_id, seconds)

    async def _process(self, query: str, parameter: int) -> int:
        async def work(connection: "Connection") -> int:
            visitors = [Visitor(**row) for row in await connection.fetch(query, parameter)]
            if visitors:
                # An order ties the events of several visitors together, so a lock for each visitor would not do.
                await lock_names(connection, Lock.ATTRIBUTION, {visitor.business_id for visitor in visitors})
                lines = await outstanding(connection, await find_concerned(connection, visitors))
                await _append(connection, lines)
            return len(visitors)

        return await self._postgres.in_transaction(work)

    async def _visitors(self, query: str, limit: int) -> list[KeptMark]:
        async with self._postgres.connection() as connection:
            return [KeptMark(**row) for row in await connection.fetch(query, limit)]


async def outstanding(connection: "Connection", events: Events) -> list[Line]:
    """Return the lines that the ledger lacks, so that it says what is decided on these events now; none: it agrees."""
    if not events:
        return []
    clicks = await find_clicks(connection, events)
    standings = await _find_standings(connection, events)
    return [
        line
        for business_id, of_business in events.items()
        for line in _lines(business_id, of_business, clicks[business_id], standings[business_id])
    ]


async def _append(connection: "Connection", lines: Sequence[Line]) -> None:
    if lines:
        await connection.execute(
            QUERIES.append_entries,
            *columns(
                lines, "business_id", "entry.event_id", "entry.entry", "entry.sign", "event.action",
                "event.occurred_at", "credited.click_id", "credited.clicked_at", "credited.link_created_at",
                "credited.link", "credited.campaign", "credited.journey", "credited.message", "credited.conversions",
                "credited.revenue_minor", "credited.currency", "credited.provenance",
            ),
            RULES_VERSION,
        )  # fmt: skip
        await bump_versions(connection, {line.business_id for line in lines})


def _lines(
    business_id: str, events: Sequence[Event], clicks: VisitorClicks, standings: dict[UUID, Standing]
) -> Iterable[Line]:
    """Yield what is to be appended for the events of one business."""
    by_id = {event.id: event for event in events}
    for entry in difference(decide_all(events, clicks), standings):
        yield Line(business_id, by_id[entry.event_id], entry)


async def _find_standings(connection: "Connection", events: Events) -> dict[str, dict[UUID, Standing]]:
    standings: dict[str, dict[UUID, Standing]] = {business_id: {} for business_id in events}
    wanted = [EventId(business_id, event.id) for business_id, some in events.items() for event in some]
    for row in await connection.fetch(QUERIES.find_standings, *columns(wanted, "business_id", "id")):
        values = dict(row)
        of_business, event_id = standings[values.pop("business_id")], values.pop("event_id")
        entry, sign = values.pop("entry"), values.pop("sign")
        of_business[event_id] = Standing(entry, Credited(**values) if sign > 0 else None)
    return standings


async def _continue(connection: "Connection", backfill: Backfill) -> None:
    rows = await connection.fetch(
        QUERIES.find_backfilled,
        backfill.business_id,
        backfill.position,
        backfill.action,
        backfill.needle,
        BACKFILLED,
        CLICKED,
    )
    since: dict[Visitor, datetime] = {}
    for row in rows:
        if row["is_concerned"]:
            visitor = Visitor(backfill.business_id, row["session"], row["profile_key"])
            since[visitor] = min(since.get(visitor, row["occurred_at"]), row["occurred_at"])
    await mark_dirty(connection, [visitor._replace(since=at) for visitor, at in since.items()])
    if len(rows) < BACKFILLED:
        await connection.execute(QUERIES.end_backfill, backfill.id)
    else:
        await connection.execute(QUERIES.move_backfill, backfill.id, rows[-1]["id"])


class PostgresExplanations:
    """The evidence of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def evidence(self, business_id: str, event_id: UUID) -> Evidence | None:
        """Return what is known of an event, all as of one moment; None where there is no such event."""
        async with (
            self._postgres.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await _evidence(connection, business_id, event_id)


async def _evidence(connection: "Connection", business_id: str, event_id: UUID) -> Evidence | None:
    received_at = await connection.fetchval(QUERIES.find_event, business_id, event_id, CLICKED)
    if received_at is None:
        return None
    events = (await find_events(connection, [EventPlace(business_id, event_id, received_at)])).get(business_id, [])
    if not any(event.id == event_id for event in events):
        return None
    led, clicks = await _find_lead(connection, business_id, led_by(events, event_id))
    entries = await connection.fetch(QUERIES.find_entries, business_id, event_id)
    return Evidence(event_id, events, led, clicks, [KeptEntry(**row) for row in entries])


async def _find_lead(
    connection: "Connection", business_id: str, events: Sequence[Event]
) -> tuple[Event | None, list[CandidateClick]]:
    """Return the event whose visitor's clicks decide, the first one's where none clicked in time, and those clicks."""
    found: list[tuple[Event | None, list[CandidateClick]]] = []
    for event in events:
        rows = await connection.fetch(
            QUERIES.find_clicks_of_visitor, business_id, event.session, event.profile_key, MOST_CLICKS
        )
        found.append((event, [CandidateClick(**row) for row in rows]))
        if has_click(event, found[-1][1]):
            return found[-1]
    return found[0] if found else (None, [])
