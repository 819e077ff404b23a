"""The last known accounts, on a local disk: credentials and events are judged by them while PostgreSQL is away."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from tracking_service.local_copy import CopyFile, LocalCopy
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.sqlite_file import damages

FILE = "accounts.sqlite"
VERSION = 3
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
"""
_FIND = "SELECT id, currency, origins, tokens, rate_factor FROM businesses b "


class KnownBusiness(NamedTuple):
    """What is remembered of a business; tokens are the hashes of those not revoked."""

    id: str
    currency: str
    origins: tuple[str, ...]
    tokens: frozenset[bytes]
    rate_factor: float = 1.0


class SpoolAccounts(CopyFile[KnownBusiness]):
    """The file of accounts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, _SCHEMA, VERSION)

    def by_token(self, token_hash: bytes) -> KnownBusiness | None:
        """Return the business of a token."""
        query = _FIND + "JOIN tokens t ON t.business_id = b.id WHERE t.hash = ?"
        return next(iter(self._found(query, (token_hash,))), None)

    def by_id(self, business_ids: Collection[str]) -> Mapping[str, KnownBusiness]:
        """Return those that are known of these businesses."""
        found = (business for id_ in business_ids for business in self.found("id = ?", (id_,)))
        return {business.id: business for business in found}

    def found(self, condition: str, values: Sequence[str]) -> list[KnownBusiness]:
        """Return the businesses that a condition holds for."""
        return self._found(f"{_FIND}WHERE {condition}", values)

    def insert(self, connection: sqlite3.Connection, row: KnownBusiness) -> None:
        """Add a business with its tokens."""
        tokens = sorted(row.tokens)
        hashes = json.dumps([token.hex() for token in tokens])
        values = (row.id, row.currency, json.dumps(row.origins), hashes, row.rate_factor)
        columns = "(id, currency, origins, tokens, rate_factor)"
        connection.execute(f"INSERT INTO businesses {columns} VALUES (?, ?, ?, ?, ?)", values)  # noqa: S608  (no value)
        connection.executemany("INSERT OR REPLACE INTO tokens VALUES (?, ?)", [(token, row.id) for token in tokens])

    def delete(self, connection: sqlite3.Connection, id_: str) -> None:
        """Remove a business with its tokens."""
        connection.execute("DELETE FROM tokens WHERE business_id = ?", (id_,))
        connection.execute("DELETE FROM businesses WHERE id = ?", (id_,))

    def _found(self, query: str, values: Sequence[str | bytes]) -> list[KnownBusiness]:
        with damages():
            cursor = self.opened().execute(query, values)
            cursor.row_factory = sqlite3.Row
            return [_business(row) for row in cursor]


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


class KnownAccounts(LocalCopy[KnownBusiness]):
    """The last known accounts."""

    def __init__(self, folder: Path, source: Source, breaker: CircuitBreaker) -> None:
        self._accounts = SpoolAccounts(folder)
        super().__init__("accounts", self._accounts, source.known_after, breaker)

    async def by_token(self, token_hash: bytes) -> KnownBusiness | None:
        """Return the business of a token that was not revoked."""
        return await self.read(lambda: self._accounts.by_token(token_hash), otherwise=None)

    async def by_id(self, business_ids: Collection[str]) -> Mapping[str, KnownBusiness]:
        """Return those that are known of these businesses."""
        return await self.read(lambda: self._accounts.by_id(business_ids), otherwise={})
