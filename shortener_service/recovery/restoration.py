"""Rebuilds an emptied store from the second copies, while redirects go on."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.tracking.v1.relay_service_pb2 import LinkCopy
from common.errors import Reason, not_allowed
from common.logging import get_logger
from shortener_service.recovery.archive_client import Installation, LinkArchive
from shortener_service.recovery.installation_store import RedisInstallation
from shortener_service.recovery.store import RestoredLink, restored

if TYPE_CHECKING:
    from shortener_service.recovery.store import RedisRestore

log = get_logger(__name__)

# What a relay had read before the store was emptied may be delivered for so long: its deadline, and a little.
LATE_SECONDS = 12.0
# A transaction may be committed so long after the time that it stamps its copies with.
COMMIT_SECONDS = 60
UNREADABLE_NAMED = 20


@dataclass(slots=True)
class Progress:
    """How far a restore is, in links."""

    done: int = 0
    total: int = 0
    written: int = 0
    was_complete: bool = False
    unreadable: int = 0
    unreadable_links: list[str] = field(default_factory=list)
    """The ids of the first of those."""

    def leave_out(self, link_id: str, error: Exception) -> None:
        """Note a link whose copy cannot be read: one bad row is not to keep all others from coming back."""
        self.unreadable += 1
        if len(self.unreadable_links) < UNREADABLE_NAMED:
            self.unreadable_links.append(link_id)
            log.error("the copy of a link cannot be read; it is left out", link=link_id, cause=repr(error)[:200])


class Restoration:
    """Restores the store; any number may run at once, and each may break off."""

    def __init__(
        self,
        installation: RedisInstallation,
        archive: LinkArchive,
        begin: "Callable[[], Awaitable[RedisRestore]]",
        late_seconds: float = LATE_SECONDS,
    ) -> None:
        self._installation = installation
        self._archive = archive
        self._begin = begin
        self._late_seconds = late_seconds

    async def run(self, *, force: bool = False) -> AsyncIterator[Progress]:
        """Restore what is missing, and yield how far it is, again and again; on a complete store only by force."""
        progress = Progress(was_complete=await self._installation.is_complete())
        yield progress
        if progress.was_complete and not force:
            return
        late_until = time.monotonic() + self._late_seconds
        restore = await self._begin()
        await self._restore_installation(restore, was_complete=progress.was_complete)
        links = Copying(self._archive, restore, progress)
        async for _ in links.copy():
            yield progress
        if progress.total and not progress.was_complete:
            await asyncio.sleep(max(0.0, late_until - time.monotonic()))
            await links.copy_late_ones()
            yield progress
        await restore.complete(is_marked=progress.was_complete)
        log.info("redis is restored", links=progress.done, written=progress.written, left_out=progress.unreadable)

    async def complete_new(self) -> None:
        """Complete a store for which there is no link to restore; there may be a secret and domains."""
        async for _ in self.run():
            pass

    async def _restore_installation(self, restore: "RedisRestore", *, was_complete: bool) -> None:
        mine = await restore.secret()
        # The first secret stays: it is the one that all codes were derived with.
        kept = await self._archive.keep_installation(Installation(mine))
        if was_complete and kept.secret != mine:
            raise not_allowed(
                Reason.NOT_ALLOWED, "This Redis and the database of tracking belong to two installations."
            )
        await restore.keep_installation(kept._replace(secret=b"") if was_complete else kept)


class Copying:
    """Copies links back, each pass from where the last one may have missed some."""

    def __init__(self, archive: LinkArchive, restore: "RedisRestore", progress: Progress) -> None:
        self._archive = archive
        self._restore = restore
        self._progress = progress
        self._since: Timestamp | None = None

    async def copy(self) -> AsyncIterator[int]:
        """Write all links kept since the last pass began, and yield how many each piece has."""
        since = self._since
        async for piece in self._archive.export(since):
            self._since = Timestamp(seconds=max(0, piece.began_at.seconds - COMMIT_SECONDS))
            self._progress.written += await self._restore.write(self._readable(piece.copies, is_first=since is None))
            self._progress.total = piece.total
            if since is None:
                self._progress.done += len(piece.copies)
            yield len(piece.copies)

    def _readable(self, copies: Iterable[LinkCopy], *, is_first: bool) -> list[RestoredLink]:
        """Return the links of copies; what cannot be read is noted, in the first pass over all of them."""
        links = []
        for copy in copies:
            try:
                links.append(restored(copy))
            except Exception as error:  # noqa: BLE001  (whatever is wrong with it, it is one link)
                if is_first:
                    self._progress.leave_out(copy.link.id, error)
        return links

    async def copy_late_ones(self) -> None:
        """Write what was delivered meanwhile, until nothing new comes."""
        written = -1
        while self._progress.written != written:
            written = self._progress.written
            async for _ in self.copy():
                pass
