"""Keeps the copy of the shortener's installation."""

from typing import TYPE_CHECKING

from tracking_service.installation import DomainCopy, Installation
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/installation")


class PostgresInstallation:
    """One secret, and the custom domains."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def keep(self, installation: Installation) -> Installation:
        """Keep what is new, and return what is kept: the first secret, the latest revision of each domain."""
        # One statement must not meet a name twice.
        latest = {copy.name: copy for copy in sorted(installation.domains, key=lambda copy: copy.revision)}

        async def work(connection: "Connection") -> Installation:
            if installation.secret:
                await connection.execute(QUERIES.keep_secret, installation.secret)
            if latest:
                await connection.execute(QUERIES.keep_domains, *columns([*latest.values()]))
            secret = await connection.fetchval(QUERIES.find_secret)
            return Installation(
                secret or b"", [DomainCopy(*row) for row in await connection.fetch(QUERIES.find_domains)]
            )

        return await self._postgres.in_transaction(work)
