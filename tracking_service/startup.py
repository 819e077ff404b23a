"""Waits for a database that can serve this code."""

import asyncio

from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.migrate import check_migrated, check_version
from tracking_service.postgres import TAKES_WRITES, Postgres
from tracking_service.postgres_refusals import warn_of_read_only

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


async def until_fit(postgres: Postgres) -> None:
    """Return once PostgreSQL has answered and can serve this code; as long as it is away or read-only, try again.

    Raises `UnfitDatabaseError` where it is too old or lacks migrations: waiting would not help.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            async with postgres.connection() as connection:
                await check_version(connection)
                await check_migrated(connection)
                if await connection.fetchval(TAKES_WRITES):
                    return
                warn_of_read_only()
                # Another one of the servers may be the one that takes writes.
                connection.terminate()
        except ClicktrailError as error:
            log.debug("PostgreSQL cannot be used yet", error=str(error))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
