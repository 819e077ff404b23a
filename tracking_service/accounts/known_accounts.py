"""The last known accounts, on a local disk: credentials and events are judged by them while PostgreSQL is away."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from common.backoff import woken_or_after
from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.sqlite_file import DamagedError, damages, open_file, set_aside, transaction

log = get_logger(__name__)
Result = TypeVar("Result")

FILE = "accounts.sqlite"
VERSION = 3
# Beyond, the file takes no more, and what is not in it is answered UNAVAILABLE during an outage.
LIMIT_BYTES = 1024 * 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS businesses (
    id TEXT PRIMARY KEY,
    currency TEXT NOT NULL,
    origins TEXT NOT NULL,
    tokens TEXT NOT NULL,
    rate_factor REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (hash BLOB PRIMARY KEY, business_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS tokens_business ON tokens (business_id);
CREATE TABLE IF NOT EXISTS completion (is_complete INTEGER PRIMARY KEY)
"""
_FIND = "SELECT id, currency, origins, tokens, rate_factor FROM businesses b "

PAGE = 500
POLL_SECONDS = 2.0
# Looking takes this part of the time at most, however many accounts there are.
LARGEST_SHARE = 0.05


class KnownBusiness(NamedTuple):
    """What is remembered of a business; tokens are the hashes of those not revoked."""

    id: str
    currency: str
    origins: tuple[str, ...]
    tokens: frozenset[bytes]
    rate_factor: float = 1.0


class SpoolAccounts:
    """The file of accounts, which the processes of a folder share. Not safe for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._connection: sqlite3.Connection | None = None

    def is_complete(self) -> bool:
        """Tell whether all accounts were written down once."""
        with damages():
            return self._opened().execute("SELECT 1 FROM completion").fetchone() is not None

    def by_token(self, token_hash: bytes) -> KnownBusiness | None:
        """Return the business of a token."""
        query = _FIND + "JOIN tokens t ON t.business_id = b.id WHERE t.hash = ?"
        return next(iter(self._found(query, (token_hash,))), None)

    def by_id(self, business_ids: Collection[str]) -> Mapping[str, KnownBusiness]:
        """Return those that are known of these businesses."""
        found = (business for id_ in business_ids for business in self._found(_FIND + "WHERE id = ?", (id_,)))
        return {business.id: business for business in found}

    def replace(self, after: str, through: str | None, businesses: Iterable[KnownBusiness]) -> None:
        """Let these be all businesses with ids behind one, up to another; None: to the end."""
        known = {business.id: business for business in self._between(after, through)}
        present = {business.id: business for business in businesses}
        changed = [business for business in present.values() if known.get(business.id) != business]
        gone = [id_ for id_ in known if id_ not in present]
        if changed or gone:
            connection = self._opened()
            with damages(), transaction(connection):
                for id_ in (*gone, *(business.id for business in changed)):
                    connection.execute("DELETE FROM tokens WHERE business_id = ?", (id_,))
                    connection.execute("DELETE FROM businesses WHERE id = ?", (id_,))
                for business in changed:
                    _insert(connection, business)

    def complete(self) -> None:
        """Note that all accounts are written down."""
        if not self.is_complete():
            with damages(), transaction(self._opened()):
                self._opened().execute("INSERT OR IGNORE INTO completion VALUES (1)")

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

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = open_file(self._path, _SCHEMA, VERSION)
            size = self._connection.execute("PRAGMA page_size").fetchone()[0]
            self._connection.execute(f"PRAGMA max_page_count = {LIMIT_BYTES // size}").fetchall()
        return self._connection

    def _between(self, after: str, through: str | None) -> list[KnownBusiness]:
        if through is None:
            return self._found(_FIND + "WHERE id > ?", (after,))
        return self._found(_FIND + "WHERE id > ? AND id <= ?", (after, through))

    def _found(self, query: str, values: Sequence[str | bytes]) -> list[KnownBusiness]:
        with damages():
            cursor = self._opened().execute(query, values)
            cursor.row_factory = sqlite3.Row
            return [_business(row) for row in cursor]


def _insert(connection: sqlite3.Connection, business: KnownBusiness) -> None:
    tokens = sorted(business.tokens)
    hashes = json.dumps([token.hex() for token in tokens])
    row = (business.id, business.currency, json.dumps(business.origins), hashes, business.rate_factor)
    columns = "(id, currency, origins, tokens, rate_factor)"
    connection.execute(f"INSERT INTO businesses {columns} VALUES (?, ?, ?, ?, ?)", row)  # noqa: S608  (no value)
    connection.executemany("INSERT OR REPLACE INTO tokens VALUES (?, ?)", [(token, business.id) for token in tokens])


def _business(row: sqlite3.Row) -> KnownBusiness:
    return KnownBusiness(
        id=row["id"],
        currency=row["currency"],
        origins=tuple(json.loads(row["origins"])),
        tokens=frozenset(map(bytes.fromhex, json.loads(row["tokens"]))),
        rate_factor=row["rate_factor"],
    )


class Source(Protocol):
    """Where accounts are at home. A Protocol, since the store imports what it keeps from here."""

    async def known_after(self, business_id: str, limit: int) -> Sequence[KnownBusiness]:
        """Return the next businesses in the order of their ids' code points."""


class KnownAccounts:
    """The last known accounts. What is on the disk cannot be read: then nothing is known."""

    def __init__(self, folder: Path, source: Source, breaker: CircuitBreaker) -> None:
        self._accounts = SpoolAccounts(folder)
        self._source = source
        self._breaker = breaker
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
            await woken_or_after(self._woken, max(POLL_SECONDS, (loop.time() - started_at) / LARGEST_SHARE))

    async def close(self) -> None:
        """Close the file."""
        await self._do(self._accounts.close)
        self._thread.shutdown()

    async def _refresh(self) -> None:
        try:
            await self._copy_all()
            self._failure = ""
        except ClicktrailError:
            # What there is stays the last known.
            return
        except DamagedError:
            await self._read(self._accounts.set_aside, otherwise=None)
        except Exception as error:  # noqa: BLE001  (events are taken in without it)
            self._tell(error)

    async def _copy_all(self) -> None:
        after, is_last = "", False
        while not is_last:
            page = await self._breaker.attempt(partial(self._source.known_after, after, PAGE))
            is_last = len(page) < PAGE
            through = None if is_last else page[-1].id
            await self._do(partial(self._accounts.replace, after, through, page))
            after = through or after
        await self._do(self._accounts.complete)

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
