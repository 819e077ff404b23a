"""Keeps custom actions in PostgreSQL."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from tracking_service.accounts.store import check_business
from tracking_service.actions.custom_actions import CustomAction, has_events, taken
from tracking_service.actions.queries import QUERIES
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

ACTIONS = Listing(QUERIES.list_actions, QUERIES.find_position, takes_uuids=True)


class PostgresActions:
    """The custom actions of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def create(self, business_id: str, action: CustomAction) -> None:
        """Keep a new action. Raises `BUSINESS_UNKNOWN`, `ACTION_TAKEN`."""
        async with self._postgres.connection() as connection:
            created = await connection.fetchval(
                QUERIES.create_action, business_id, action.id, action.name, action.title, action.conversion,
                action.important, action.created_at,
            )  # fmt: skip
            if created is None:
                await check_business(connection, business_id)
                raise taken()

    async def find(self, business_id: str, action_id: UUID) -> CustomAction | None:
        """Return an action, if there is one."""
        async with self._postgres.connection() as connection:
            row = await connection.fetchrow(QUERIES.find_action, business_id, action_id)
        return None if row is None else CustomAction(**row)

    async def page(self, business_id: str, page: Page) -> tuple[list[CustomAction], bool]:
        """Return a page of actions, newest first, and whether there are more."""
        async with self._postgres.connection() as connection:
            rows, has_more = await read_page(connection, ACTIONS, (business_id,), page)
        return [CustomAction(**row) for row in rows], has_more

    async def change(self, business_id: str, wanted: CustomAction, fields: Collection[str]) -> CustomAction | None:
        """Take over these fields and return the action as it is then; None: there is none.

        Raises `ACTION_TAKEN`, and `NOT_ALLOWED` for another name where there are events.
        """

        async def work(connection: "Connection") -> CustomAction | None:
            row = await connection.fetchrow(QUERIES.lock_action, business_id, wanted.id)
            if row is None:
                return None
            before = CustomAction(**row)
            after = replace(before, **{field: getattr(wanted, field) for field in fields})
            if after.name != before.name and await _has_events(connection, business_id, before.name):
                raise has_events("name", "An action with events keeps its name.")
            try:
                changed = await connection.fetchval(
                    QUERIES.change_action, business_id, after.id, after.name, after.title, after.conversion,
                    after.important,
                )  # fmt: skip
                is_changed = changed is not None
            except asyncpg.UniqueViolationError:  # Another transaction took the name at the same moment.
                is_changed = False
            if not is_changed:
                raise taken()
            if after.conversion != before.conversion:
                await connection.execute(QUERIES.sweep_action, business_id, after.name)
            return after

        return await self._postgres.in_transaction(work)

    async def delete(self, business_id: str, action_id: UUID) -> bool:
        """Delete an action; tell whether there was one. Raises `NOT_ALLOWED` where there are events."""

        async def work(connection: "Connection") -> bool:
            row = await connection.fetchrow(QUERIES.lock_action, business_id, action_id)
            if row is None:
                return False
            if await _has_events(connection, business_id, row["name"]):
                raise has_events(None, "An action with events cannot be deleted.")
            await connection.execute(QUERIES.delete_action, business_id, action_id)
            return True

        return await self._postgres.in_transaction(work)


async def _has_events(connection: "Connection", business_id: str, name: str) -> bool:
    return bool(await connection.fetchval(QUERIES.has_events, business_id, name))
