"""One file of the spool: rows, such as events, in the order in which they came."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from tracking_service.sqlite_file import (
    DamagedError,
    damages,
    open_file,
    remove_file,
    set_aside,
    transaction,
    used_bytes,
)

VERSION = 1
BATCH_ROWS = 256
BATCH_BYTES = 4 * 1024 * 1024
# What a row takes beside its content, with its place in the index.
_ROW_BYTES = 250
# Numbers are never given twice, also when all rows are gone: those up to a number can then be removed blindly.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    business_id TEXT NOT NULL,
    id BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_id ON events (business_id, id)
"""


class SpoolLock:
    """A lock file beside what it guards, held from `take` to `release`. A process that dies releases it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "SpoolLock | None":
        """Return the lock, None where another process has it. Makes the file."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The process that had it may have removed the file in between: then this is a lock on nothing.
            is_held = _is_same(descriptor, path)
        except BlockingIOError:
            is_held = False
        except BaseException:
            os.close(descriptor)
            raise
        if not is_held:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Remove the lock file together with the lock: what it guards is gone."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


class SpoolEntry(NamedTuple):
    """Something on its way into the spool; content is its serialized message."""

    business_id: str
    id: bytes
    fingerprint: bytes
    content: bytes

    @property
    def size(self) -> int:
        """What it takes on disk, in bytes, roughly."""
        return len(self.content) + _ROW_BYTES


class SpoolRow(NamedTuple):
    """Something in the spool."""

    number: int
    business_id: str
    id: bytes
    content: bytes

    @property
    def size(self) -> int:
        """What it takes on disk, in bytes, roughly."""
        return len(self.content) + _ROW_BYTES


class Fate(StrEnum):
    """What became of an entry: kept, there already, in conflict with what is there, or not kept for want of room."""

    NEW = "new"
    SAME = "same"
    OTHER = "other"
    NO_ROOM = "no room"


class FullError(Exception):
    """There is no room for any of what is to be kept."""


class SpoolFile:
    """A file that we have the lock of. Not safe for several threads at once."""

    def __init__(self, path: Path, lock: SpoolLock) -> None:
        self.path = path
        self._lock = lock
        self._connection = open_file(path, _SCHEMA, VERSION, is_ours_alone=True)
        self._inode = path.stat()
        # Rows up to here are done with, even if a full disk has kept us from removing them.
        self._done = 0

    def find(self, entry: SpoolEntry) -> bytes | None:
        """Return the fingerprint of what has an entry's id, if it is here."""
        query = "SELECT fingerprint FROM events WHERE business_id = ? AND id = ? ORDER BY number LIMIT 1"
        with damages():
            row = self._connection.execute(query, (entry.business_id, entry.id)).fetchone()
        return None if row is None else bytes(row[0])

    def append(self, entries: Sequence[SpoolEntry]) -> list[Fate]:
        """Keep those that are new, all of them or none, and return what became of each."""
        with damages(), transaction(self._connection):
            return [self._append(entry) for entry in entries]

    def used_bytes(self) -> int:
        """Return what it takes on disk."""
        with damages():
            return used_bytes(self._connection, self.path)

    def shrink(self) -> None:
        """Fold the log of writes into the file."""
        with damages():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def oldest(self) -> list[SpoolRow]:
        """Return the first rows, at least one if there is any, and no more than a batch."""
        with damages():
            return list(self._first_rows())

    def is_empty(self) -> bool:
        """Tell whether all is done with."""
        query = "SELECT 1 FROM events WHERE number > ? LIMIT 1"
        with damages():
            return self._connection.execute(query, (self._done,)).fetchone() is None

    def remove_through(self, number: int) -> None:
        """Remove the rows up to this number; where the disk refuses, at least never show them again."""
        self._done = number
        with damages(), transaction(self._connection):
            self._connection.execute("DELETE FROM events WHERE number <= ?", (number,))

    def is_in_place(self) -> bool:
        """Tell whether it is still the file that has its name."""
        try:
            return os.path.samestat(self._inode, self.path.stat())
        except OSError:
            return False

    def close(self) -> None:
        """Close it, and let another process have it."""
        self._connection.close()
        self._lock.release()

    def remove(self) -> None:
        """Close it and remove it from the disk."""
        self._connection.close()
        remove_file(self.path)
        self._lock.remove()

    def set_aside(self) -> list[SpoolEntry]:
        """Close it, rename it out of the way, and return what can still be read of it."""
        entries = list(self._readable())
        self._connection.close()
        set_aside(self.path)
        self._lock.remove()
        return entries

    def _append(self, entry: SpoolEntry) -> Fate:
        found = self.find(entry)
        if found is not None:
            return Fate.SAME if found == entry.fingerprint else Fate.OTHER
        statement = (
            "INSERT INTO events (business_id, id, fingerprint, content)"
            " VALUES (:business_id, :id, :fingerprint, :content)"
        )
        self._connection.execute(statement, entry._asdict())
        return Fate.NEW

    def _first_rows(self) -> Iterator[SpoolRow]:
        size = 0
        query = "SELECT number, business_id, id, content FROM events WHERE number > ? ORDER BY number LIMIT ?"
        for values in self._rows(query, (self._done, BATCH_ROWS)):
            row = SpoolRow(**values)
            yield row
            size += len(row.content)
            if size >= BATCH_BYTES:
                return

    def _readable(self) -> Iterator[SpoolEntry]:
        query = "SELECT business_id, id, fingerprint, content FROM events WHERE number > ? ORDER BY number"
        try:
            for values in self._rows(query, (self._done,)):
                yield SpoolEntry(**values)
        except sqlite3.Error:
            return

    def _rows(self, query: str, parameters: tuple[int, ...]) -> sqlite3.Cursor:
        """Return the rows that a query finds, each by its columns' names."""
        cursor = self._connection.execute(query, parameters)
        cursor.row_factory = sqlite3.Row
        return cursor


def open_spool_file(path: Path, lock: SpoolLock) -> SpoolFile | None:
    """Return a file that we have the lock of; None where it was damaged and is set aside now."""
    try:
        return SpoolFile(path, lock)
    except DamagedError:
        set_aside(path)
        lock.remove()
        return None
    except BaseException:
        lock.release()
        raise
