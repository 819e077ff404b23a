"""The last known accounts, on a local disk: what credentials and events are judged by while PostgreSQL is away."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tracking_service.sqlite_file import damages, open_file, set_aside, transaction

FILE = "accounts.sqlite"
VERSION = 2
# Beyond, the file takes no more, and what is not in it is answered UNAVAILABLE during an outage.
LIMIT_BYTES = 1024 * 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS businesses (
    id TEXT PRIMARY KEY,
    currency TEXT NOT NULL,
    origins TEXT NOT NULL,
    tokens TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (hash BLOB PRIMARY KEY, business_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS tokens_business ON tokens (business_id);
CREATE TABLE IF NOT EXISTS completion (is_complete INTEGER PRIMARY KEY)
"""
_FIND = "SELECT id, currency, origins, tokens FROM businesses b "


class KnownBusiness(NamedTuple):
    """What is remembered of a business; tokens are the hashes of those not revoked."""

    id: str
    currency: str
    origins: tuple[str, ...]
    tokens: frozenset[bytes]


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
            return [_business(*row) for row in self._opened().execute(query, values)]


def _insert(connection: sqlite3.Connection, business: KnownBusiness) -> None:
    tokens = sorted(business.tokens)
    row = (business.id, business.currency, json.dumps(business.origins), json.dumps([token.hex() for token in tokens]))
    connection.execute("INSERT INTO businesses (id, currency, origins, tokens) VALUES (?, ?, ?, ?)", row)
    connection.executemany("INSERT OR REPLACE INTO tokens VALUES (?, ?)", [(token, business.id) for token in tokens])


def _business(id_: str, currency: str, origins: str, tokens: str) -> KnownBusiness:
    hashes = frozenset(map(bytes.fromhex, json.loads(tokens)))
    return KnownBusiness(id_, currency, tuple(json.loads(origins)), hashes)
