"""Keeps the last known accounts in step with PostgreSQL, and answers from them during an outage."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.postgres.availability import Presence
from tracking_service.spool_accounts import KnownBusiness, SpoolAccounts
from tracking_service.sqlite_file import DamagedError

log = get_logger(__name__)
Result = TypeVar("Result")

PAGE = 500
POLL_SECONDS = 2.0
# Looking takes this part of the time at most, however many accounts there are.
LARGEST_SHARE = 0.05


class Source(Protocol):
    """Where accounts are at home."""

    async def known_after(self, business_id: str, limit: int) -> Sequence[KnownBusiness]:
        """Return the next businesses in the order of their ids' code points."""


class KnownAccounts:
    """The last known accounts. What is on the disk cannot be read: then nothing is known."""

    def __init__(self, folder: Path, source: Source, presence: Presence) -> None:
        self._accounts = SpoolAccounts(folder)
        self._source = source
        self._presence = presence
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="accounts")
        self._woken = asyncio.Event()
        self._failure = ""

    async def are_complete(self) -> bool:
        """Tell whether they are all there, as they once were."""
        return await self._read(self._accounts.is_complete, otherwise=False)

    async def by_token(self, token_hash: bytes) -> KnownBusiness | None:
        """Return the business of a token that was not revoked."""
        return await self._read(lambda: self._accounts.by_token(token_hash), otherwise=None)

    async def by_id(self, business_ids: Collection[str]) -> Mapping[str, KnownBusiness]:
        """Return those that are known of these businesses."""
        return await self._read(lambda: self._accounts.by_id(business_ids), otherwise={})

    def wake(self) -> None:
        """Look soon: something has changed."""
        self._woken.set()

    async def keep_in_step(self) -> None:
        """Look for changes every few seconds, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            started_at = loop.time()
            await self._refresh()
            await self._pause(max(POLL_SECONDS, (loop.time() - started_at) / LARGEST_SHARE))

    async def close(self) -> None:
        """Close the file."""
        await self._do(self._accounts.close)
        self._thread.shutdown()

    async def _refresh(self) -> None:
        try:
            await self._copy_all()
            self._failure = ""
        except ClicktrailError:
            # What there is stays true as far as anyone knows.
            return
        except DamagedError:
            await self._read(self._accounts.set_aside, otherwise=None)
        except Exception as error:  # noqa: BLE001  (events are taken in without it)
            self._tell(error)

    async def _copy_all(self) -> None:
        after, is_last = "", False
        while not is_last:
            page = await self._presence.attempt(partial(self._source.known_after, after, PAGE))
            is_last = len(page) < PAGE
            through = None if is_last else page[-1].id
            await self._do(partial(self._accounts.replace, after, through, page))
            after = through or after
        await self._do(self._accounts.complete)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _read(self, work: Callable[[], Result], *, otherwise: Result) -> Result:
        try:
            return await self._do(work)
        except (OSError, sqlite3.Error, DamagedError) as error:
            self._tell(error)
            return otherwise

    async def _do(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _tell(self, error: Exception) -> None:
        failure = f"{type(error).__name__}: {error}"
        if failure != self._failure:
            log.warning("the last known accounts cannot be kept", cause=failure)
            self._failure = failure
