"""Finds what one event's attribution rests on in PostgreSQL."""

from typing import TYPE_CHECKING
from uuid import UUID

from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution import Click
from tracking_service.explanation import Evidence, KeptEntry, led_by
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load
from tracking_service.postgres_evidence import find_events

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/attribution")

# Clicks of one visitor that an explanation shows.
MOST_CLICKS = 100


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
    events = (await find_events(connection, [(business_id, event_id, received_at)])).get(business_id, [])
    if not any(event.id == event_id for event in events):
        return None
    led = led_by(events, event_id)
    visitor = (business_id, led.session, led.profile_key)
    clicks = await connection.fetch(QUERIES.find_clicks_of_visitor, *visitor, MOST_CLICKS)
    entries = await connection.fetch(QUERIES.find_entries, business_id, event_id)
    return Evidence(event_id, events, [Click(*row) for row in clicks], [KeptEntry(*row) for row in entries])
