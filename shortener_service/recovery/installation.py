"""What an installation is besides its links: its secret, domains, refused hosts and shards, and their second copies."""

import asyncio
from collections.abc import Awaitable, Callable

from common.backoff import Backoff
from common.errors import ClicktrailError
from common.logging import get_logger
from shortener_service.domains.store import RedisDomainStore
from shortener_service.links.creation import Secret
from shortener_service.recovery.archive_client import Installation, LinkArchive
from shortener_service.recovery.installation_store import RedisInstallation
from shortener_service.refused_hosts.store import RedisRefusedHostStore

log = get_logger(__name__)

RETRY_SECONDS = 0.5

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0


async def wait_for_store(installation: RedisInstallation, secret: Secret) -> None:
    """Return when the store has answered once; raise `UnsuitableStoreError` if it may not be used as it is set."""
    while True:
        try:
            await installation.prepare()
            await secret.learn()
        except ClicktrailError:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def complete_if_new(
    installation: RedisInstallation,
    count_archived: Callable[[], Awaitable[int]],
    complete: Callable[[], Awaitable[None]],
) -> None:
    """Complete an empty store where no link was ever made; leave one that was emptied to be restored.

    Asks until an answer comes: while tracking is away, the two cannot be told apart.
    """
    while True:
        try:
            if await installation.is_complete():
                return
            count = await count_archived()
            if count:
                log.error("redis was emptied: unknown codes answer 503 until `clicktrail restore`", archived=count)
                return
            await complete()
        except ClicktrailError as error:
            log.debug("cannot tell yet whether redis is complete", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            log.info("a new installation")
            return


class InstallationCopies:
    """Copies what there is, at start and after each change, for ever."""

    def __init__(
        self,
        installation: RedisInstallation,
        domains: RedisDomainStore,
        refused_hosts: RedisRefusedHostStore,
        archive: LinkArchive,
    ) -> None:
        self._installation = installation
        self._domains = domains
        self._refused_hosts = refused_hosts
        self._archive = archive
        self._wanted = asyncio.Event()

    def note_change(self) -> None:
        """Have the copies brought up to date."""
        self._wanted.set()

    async def run(self) -> None:
        """Copy what is there now, and again after each change."""
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._copy_until_kept()

    async def _copy_until_kept(self) -> None:
        backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        while True:
            try:
                await self._copy()
            except ClicktrailError as error:
                log.debug("domains, refused hosts and the secret cannot be copied yet", error=str(error))
            else:
                return
            await asyncio.sleep(backoff.pause())

    async def _copy(self) -> None:
        if not await self._installation.is_complete():
            # An emptied store has nothing to copy: its secret is not the one that codes were derived with.
            return
        secret, _ = await self._installation.learn()
        mine = Installation(secret, await self._domains.copies(), await self._refused_hosts.copies())
        kept = await self._archive.keep_installation(mine)
        if kept.secret != secret:
            log.error("this redis and the database of tracking belong to two installations: codes differ")
