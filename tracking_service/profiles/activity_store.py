"""What people did, as it is shown and as PostgreSQL keeps it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tracking_service.money import Money
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.queries import QUERIES
from tracking_service.profiles.store import find_profile

ACTIVITIES = Listing(QUERIES.list_activities, QUERIES.find_activity_position, takes_uuids=True)


@dataclass(frozen=True, slots=True)
class Activity:
    """A click or an event. object and metadata are texts of JSON objects; what follows verdict is a click's alone."""

    id: UUID
    action: str
    occurred_at: datetime
    tracked_at: datetime | None
    received_at: datetime
    session: str | None
    link: str | None
    campaign: str | None
    journey: str | None
    object: str | None
    amount: Money | None
    metadata: str | None
    url: str | None
    verdict: str | None
    device: str | None
    browser: str | None
    os: str | None
    country: str | None
    source: str | None


class PostgresActivities:
    """The activities of all businesses' people."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def page(
        self, business_id: str, profile_id: str, page: Page, *, with_programs: bool
    ) -> tuple[list[Activity], bool] | None:
        """Return a page of what a person did, newest first, and whether there is more; None: no such profile.

        with_programs adds what programs did with the person's links.
        """
        async with self._postgres.reading(business_id) as connection:
            key = await find_profile(connection, business_id, profile_id)
            if key is None:
                return None
            rows, has_more = await read_page(connection, ACTIVITIES, (business_id, key), page, with_programs)
        return [activity_of(dict(row)) for row in rows], has_more


def activity_of(values: dict[str, Any]) -> Activity:
    """Return the activity that the columns of a row make, by name."""
    minor, currency = values.pop("amount_minor"), values.pop("currency")
    return Activity(**values, amount=None if minor is None else Money(minor, currency))
