"""Copies of rows of PostgreSQL on a local disk: what comes in is judged by them while PostgreSQL is away."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from common.backoff import woken_or_after
from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.sqlite_file import DamagedError, damages, open_file, set_aside, transaction

log = get_logger(__name__)
Result = TypeVar("Result")

# Beyond, a file takes no more, and what is not in it is answered UNAVAILABLE during an outage.
LIMIT_BYTES = 1024 * 1024 * 1024
_COMPLETION = "CREATE TABLE IF NOT EXISTS completion (is_complete INTEGER PRIMARY KEY)"

PAGE = 500
POLL_SECONDS = 2.0
# Looking takes this part of the time at most, however many rows there are.
LARGEST_SHARE = 0.05


class Identified(Protocol):
    """A row with an id. A Protocol, since rows are of several types."""

    @property
    def id(self) -> str:
        """What it is found by."""


Row = TypeVar("Row", bound=Identified)


class CopyFile(ABC, Generic[Row]):
    """The file of a copy, which the processes of a folder share. Not safe for several threads at once."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self._path = path
        self._schema = f"{schema.strip().rstrip(';')};{_COMPLETION}"
        self._version = version
        self._connection: sqlite3.Connection | None = None

    @abstractmethod
    def found(self, condition: str, values: Sequence[str]) -> list[Row]:
        """Return the rows that a condition of SQL holds for, such as "id = ?"."""

    @abstractmethod
    def insert(self, connection: sqlite3.Connection, row: Row) -> None:
        """Add a row, inside a transaction."""

    @abstractmethod
    def delete(self, connection: sqlite3.Connection, id_: str) -> None:
        """Remove a row, if it is there, inside a transaction."""

    def between(self, after: str, through: str | None) -> list[Row]:
        """Return the rows with ids behind one, up to another; None: to the end."""
        if through is None:
            return self.found("id > ?", (after,))
        return self.found("id > ? AND id <= ?", (after, through))

    def is_complete(self) -> bool:
        """Tell whether all rows were written down once."""
        with damages():
            return self.opened().execute("SELECT 1 FROM completion").fetchone() is not None

    def replace(self, after: str, through: str | None, rows: Iterable[Row]) -> None:
        """Let these be all rows with ids behind one, up to another; None: to the end."""
        known = {row.id: row for row in self.between(after, through)}
        present = {row.id: row for row in rows}
        changed = [row for row in present.values() if known.get(row.id) != row]
        gone = [id_ for id_ in known if id_ not in present]
        if changed or gone:
            connection = self.opened()
            with damages(), transaction(connection):
                for id_ in (*gone, *(row.id for row in changed)):
                    self.delete(connection, id_)
                for row in changed:
                    self.insert(connection, row)

    def complete(self) -> None:
        """Note that all rows are written down."""
        if not self.is_complete():
            with damages(), transaction(self.opened()):
                self.opened().execute("INSERT OR IGNORE INTO completion VALUES (1)")

    def set_aside(self) -> None:
        """Begin anew, since the file is damaged."""
        self.close()
        if self._path.exists():
            set_aside(self._path)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def opened(self) -> sqlite3.Connection:
        """Return the file, which is opened, or made, when it is first needed."""
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = open_file(self._path, self._schema, self._version)
            size = self._connection.execute("PRAGMA page_size").fetchone()[0]
            self._connection.execute(f"PRAGMA max_page_count = {LIMIT_BYTES // size}").fetchall()
        return self._connection


class LocalCopy(Generic[Row]):
    """A copy, kept in step with its rows. What is on the disk cannot be read: then nothing is known.

    name says in the log what is copied; source returns the next rows in the order of their ids' code points.
    """

    def __init__(
        self,
        name: str,
        file: CopyFile[Row],
        source: Callable[[str, int], Awaitable[Sequence[Row]]],
        breaker: CircuitBreaker,
    ) -> None:
        self._name = name
        self._file = file
        self._source = source
        self._breaker = breaker
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._woken = asyncio.Event()
        self._failure = ""

    async def is_complete(self) -> bool:
        """Tell whether all rows are there, as they once were."""
        return await self.read(self._file.is_complete, otherwise=False)

    async def read(self, work: Callable[[], Result], *, otherwise: Result) -> Result:
        """Return what work finds in the file; something else where that cannot be read."""
        try:
            return await self._do(work)
        except (OSError, sqlite3.Error, DamagedError) as error:
            self._tell(error)
            return otherwise

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
            await woken_or_after(self._woken, max(POLL_SECONDS, (loop.time() - started_at) / LARGEST_SHARE))

    async def close(self) -> None:
        """Close the file."""
        await self._do(self._file.close)
        self._thread.shutdown()

    async def _refresh(self) -> None:
        try:
            await self._copy_all()
            self._failure = ""
        except ClicktrailError:
            # What there is stays the last known.
            return
        except DamagedError:
            await self.read(self._file.set_aside, otherwise=None)
        except Exception as error:  # noqa: BLE001  (what comes in is taken in without it)
            self._tell(error)

    async def _copy_all(self) -> None:
        after, is_last = "", False
        while not is_last:
            page = await self._breaker.attempt(partial(self._next_page, after))
            is_last = len(page) < PAGE
            through = None if is_last else page[-1].id
            await self._do(partial(self._file.replace, after, through, page))
            after = through or after
        await self._do(self._file.complete)

    async def _next_page(self, after: str) -> Sequence[Row]:
        return await self._source(after, PAGE)

    async def _do(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _tell(self, error: Exception) -> None:
        failure = f"{type(error).__name__}: {error}"
        if failure != self._failure:
            log.warning("what is last known cannot be kept", of=self._name, cause=failure)
            self._failure = failure
