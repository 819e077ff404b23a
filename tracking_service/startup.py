"""Waits for a database that can serve this code."""

import asyncio

from common.errors import ClicktrailError
from tracking_service.migrate import check_migrated, check_version
from tracking_service.postgres import Postgres

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


async def until_fit(postgres: Postgres) -> None:
    """Return once PostgreSQL has answered and can serve this code; as long as it is away, try again.

    Raises `UnfitDatabaseError` where it is too old or lacks migrations: waiting would not help.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            async with postgres.connection() as connection:
                await check_version(connection)
                await check_migrated(connection)
        except ClicktrailError:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        else:
            return
