"""Reads from PostgreSQL what the report page shows beside a report, and keeps the keys of its links."""

from dataclasses import dataclass
from datetime import datetime

from tracking_service.accounts.store import check_business
from tracking_service.counters.scopes import Scope
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.activity_store import Activity, activity_of
from tracking_service.reports.queries import QUERIES

LATEST = {kind: QUERIES.list_latest_activities.format(scope=kind) for kind in ("campaign", "journey")}


@dataclass(frozen=True, slots=True)
class Owner:
    """A business whose reports are opened."""

    name: str
    key: bytes | None
    """What its report links are signed with. None: none was ever signed."""


@dataclass(frozen=True, slots=True)
class LatestActivity:
    """A click or an event, and whose it is: None where no person is known."""

    activity: Activity
    profile: str | None
    profile_name: str | None


class PostgresReportPage:
    """The keys, campaigns, journeys and activities of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def owner(self, business_id: str) -> Owner | None:
        """Return a business, if there is one."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_business, business_id)
        return None if row is None else Owner(row["name"], row["key"])

    async def keep_key(self, business_id: str, key: bytes) -> bytes:
        """Return the key of a business: this one, where it has none yet. Raises `BUSINESS_UNKNOWN`."""
        async with self._postgres.connection() as connection:
            await check_business(connection, business_id)
            kept: bytes = await connection.fetchval(QUERIES.keep_key, business_id, key)
        return kept

    async def change_key(self, business_id: str, key: bytes) -> None:
        """Put a new key in the place of the one that a business has. Raises `BUSINESS_UNKNOWN`."""
        async with self._postgres.connection() as connection:
            await check_business(connection, business_id)
            await connection.execute(QUERIES.change_key, business_id, key)

    async def scopes(self, business_id: str, limit: int, offset: int) -> list[tuple[Scope, datetime]]:
        """Return campaigns and journeys with the time of their newest link, newest first. Raises `BUSINESS_UNKNOWN`."""
        async with self._postgres.reading(business_id) as connection:
            await check_business(connection, business_id)
            rows = await connection.fetch(QUERIES.list_scopes, business_id, limit, offset)
        return [((row["scope"], row["scope_id"]), row["created_at"]) for row in rows]

    async def latest(self, business_id: str, scope: Scope, limit: int, *, with_programs: bool) -> list[LatestActivity]:
        """Return what happened last in a campaign or journey, newest first. Raises `BUSINESS_UNKNOWN`."""
        kind, scope_id = scope
        async with self._postgres.reading(business_id) as connection:
            await check_business(connection, business_id)
            rows = await connection.fetch(LATEST[kind], business_id, scope_id, limit, with_programs)
        found = []
        for row in rows:
            values = dict(row)
            profile, name = values.pop("profile"), values.pop("profile_name")
            found.append(LatestActivity(activity_of(values), profile, name))
        return found
