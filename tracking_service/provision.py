"""What the service has laid up for an outage of PostgreSQL: the spool and the last known accounts."""

from tracking_service.accounts.known_accounts import KnownAccounts
from tracking_service.accounts.store import PostgresAccounts
from tracking_service.events.intake import EventIntake
from tracking_service.postgres.availability import Presence
from tracking_service.postgres.pool import Postgres
from tracking_service.rejections.store import PostgresRejected
from tracking_service.settings import TrackingSettings
from tracking_service.spool import Spool
from tracking_service.spool_intake import SpoolIntake
from tracking_service.spool_replay import SpoolReplay


class Provision:
    """The parts that take over while PostgreSQL is away, put together."""

    def __init__(self, settings: TrackingSettings, postgres: Postgres, intake: EventIntake) -> None:
        self.presence = Presence(postgres)
        self.accounts = KnownAccounts(settings.spool_dir, PostgresAccounts(postgres), self.presence)
        self._spool = Spool(settings.spool_dir, settings.spool_limit_bytes)
        self.intake = SpoolIntake(intake, self._spool, self.accounts, self.presence)
        self.replay = SpoolReplay(self._spool, intake, PostgresRejected(postgres), self.presence)

    async def open(self) -> None:
        """Open the files."""
        await self._spool.open()

    async def close(self) -> None:
        """Close the files; what waits in them is left to the next process."""
        await self.presence.close()
        await self._spool.close()
        await self.accounts.close()
