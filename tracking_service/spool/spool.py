"""The spool: keeps what comes in on a local disk while PostgreSQL is away."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from common.errors import ClicktrailError, Reason, unavailable
from common.logging import get_logger
from common.rare_warnings import RareWarning
from tracking_service.spool.file import Fate, FullError, SpoolEntry
from tracking_service.spool.folder import EVENTS, Batch, SpoolFolder
from tracking_service.sqlite_file import DamagedError, is_full

log = get_logger(__name__)
Result = TypeVar("Result")

# Writes that wait for the disk; beyond, callers are told to come back.
WAITING_LIMIT = 64
FULL_RETRY_SECONDS = 5


class Spool:
    """The spool of one process for what is of one kind. The disk is read and written in a thread of its own."""

    def __init__(self, path: Path, limit_bytes: int, kind: str = EVENTS) -> None:
        self._path = path
        self._kind = kind
        self._folder = SpoolFolder(path, limit_bytes, kind)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"spool-{kind}")
        self._waiting = 0
        self._failure = ""
        self._no_room = RareWarning(log, "there is no room in the spool for what comes in for a business")
        self.filled = asyncio.Event()
        """Set when there is something to replay."""

    async def open(self) -> None:
        """Open the files. Where that fails the service goes on: it is tried again when the spool is needed."""
        try:
            await self._do(self._folder.open)
        except (OSError, sqlite3.Error, DamagedError) as error:
            log.warning(
                "the spool cannot be written to; without it nothing is taken while PostgreSQL is away",
                kind=self._kind,
                folder=str(self._path),
                cause=_cause(error),
            )
        self.filled.set()

    async def keep(self, entries: Sequence[SpoolEntry]) -> list[Fate]:
        """Keep the entries that there is room for durably, and return what became of each.

        Raises UNAVAILABLE where none is kept: there is room for none of them, or they cannot be written.
        """
        if self._waiting >= WAITING_LIMIT:
            raise unavailable(Reason.OVERLOADED, "Too much is waiting at the moment; try again.")
        self._waiting += 1
        try:
            fates = await self._do(lambda: self._folder.append(entries))
        except (FullError, OSError, sqlite3.Error, DamagedError) as error:
            raise self._refusal(error) from error
        finally:
            self._waiting -= 1
        if Fate.NO_ROOM in fates:
            self._no_room.tell(kind=self._kind, folder=str(self._path))
        self._failure = ""
        self.filled.set()
        return fates

    async def adopt(self) -> None:
        """Take over what dead processes left."""
        await self._do(self._folder.adopt)

    async def oldest(self) -> Batch | None:
        """Return what is replayed next; None when there is nothing left."""
        return await self._do(self._folder.oldest)

    async def remove(self, batch: Batch) -> None:
        """Forget a batch that is kept elsewhere now."""
        await self._do(lambda: self._folder.remove(batch))

    async def close(self) -> None:
        """Close the files; what is in them waits for the next process."""
        await self._do(self._folder.close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _refusal(self, error: Exception) -> ClicktrailError:
        is_limit_reached = isinstance(error, FullError)
        # An outage is long: said once, not with every event. That one business has no room says nothing of others.
        if is_limit_reached:
            self._no_room.tell(kind=self._kind, folder=str(self._path))
        elif (failure := _cause(error)) != self._failure:
            log.error("the spool cannot keep what comes in", kind=self._kind, cause=failure, folder=str(self._path))
            self._failure = failure
        return unavailable(
            Reason.SPOOL_FULL if is_limit_reached or is_full(error) else Reason.STORE_DOWN,
            f"{self._kind.capitalize()} cannot be kept at the moment; try again.",
            retry_after_seconds=FULL_RETRY_SECONDS,
        )


def _cause(error: Exception) -> str:
    """Return what is wrong, without the name of a file that is another one at each try."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {said}"
