"""What the role that the service connects as may do: read and write rows, and nothing to the tables themselves.

The owner of the tables, who migrates them, gives it these rights after the migrations, each time.
"""

from typing import TYPE_CHECKING
from urllib.parse import unquote

import asyncpg

from common.logging import get_logger
from common.settings.store_urls import take_apart
from tracking_service.postgres.queries import QUERIES
from tracking_service.postgres.servers import UnfitDatabaseError

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

    # Generic in the types alone, not at run-time.
    AnyConnection = asyncpg.Connection[asyncpg.Record] | Connection

log = get_logger(__name__)


async def give_rights(owner: "AnyConnection", service_url: str) -> None:
    """Let the user of the service's address read and write rows; one that there is not is made, with its password.

    Nothing is done where that user is the owner itself. Raises `UnfitDatabaseError` where it would have to be made, and
    the owner may not.
    """
    parts = take_apart(service_url)
    role, password = unquote(parts.user), unquote(parts.password)
    if not role or role == await owner.fetchval("SELECT session_user"):
        return
    async with owner.transaction():
        if not await owner.fetchval(QUERIES.has_role, role):
            await _make(owner, role, password)
        for row in await owner.fetch(QUERIES.list_grants, role):
            await owner.execute(row["statement"])


async def _make(owner: "AnyConnection", role: str, password: str) -> None:
    statement = await owner.fetchval(QUERIES.make_role, role, password)
    try:
        await owner.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise UnfitDatabaseError(
            f"PostgreSQL has no role {role}, which the service connects as, and the owner of the tables may make none:"
            f" CREATE ROLE {role} LOGIN PASSWORD '…'"
        ) from error
    log.info("made a role for the service", role=role)


async def warn_of_rights(connection: "AnyConnection") -> None:
    """Log a warning where the service owns the tables, or could do even more."""
    if await connection.fetchval(QUERIES.owns_tables):
        log.warning(
            "the service has all rights over its tables, and needs none: give it a role of its own in"
            " CLICKTRAIL_POSTGRES_URL, and migrations the owner's in CLICKTRAIL_POSTGRES_OWNER_URL"
        )
