"""Opens SQLite files so that what is committed is on disk, and tells their failures apart."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.clock import now
from common.logging import get_logger

log = get_logger(__name__)

BUSY_SECONDS = 5.0
# The log of writes is folded into the file when it has so many pages, and cut to this size again.
CHECKPOINT_PAGES = 250
WAL_BYTES = 1024 * 1024
_COMPANIONS = ("", "-wal", "-shm")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_MISMATCH", "SQLITE_FORMAT", "SQLITE_ERROR", "SQLITE_SCHEMA")


class DamagedError(Exception):
    """A file that is no SQLite file of ours, or is one no longer."""


def open_file(path: Path, schema: str, version: int, *, is_ours_alone: bool = False) -> sqlite3.Connection:
    """Open, or make, a file with these tables; each commit is on disk when it returns.

    One that is ours alone takes no room to be opened, and so can be on a full disk. Raises `DamagedError`, also where
    the tables are of another version.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with damages():
            if is_ours_alone:
                # The index of the log of writes is then in memory, not in a file that may find no room.
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            _prepare(connection, schema, version)
        # A file that its folder does not know of after a loss of power cannot be found.
        sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def damages() -> Iterator[None]:
    """Turn the errors of a damaged file into `DamagedError`; those of a full or failing disk stay what they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(_DAMAGED):
            raise DamagedError(str(error)) from error
        raise


def is_full(error: Exception) -> bool:
    """Tell whether a file could not be written because there is no room for more."""
    if isinstance(error, sqlite3.Error):
        # Extended codes have the primary one in their lowest byte; errors of the module itself have none.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def set_aside(path: Path) -> Path:
    """Rename a damaged file, and what belongs to it, out of the way; return where it is now."""
    aside = path.with_name(f"{path.name}.damaged-{now():%Y%m%dT%H%M%S%f}")
    for ending in _COMPANIONS:
        companion = path.with_name(path.name + ending)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + ending))
    log.error("a damaged file of the spool is set aside", file=str(aside))
    return aside


def remove_file(path: Path) -> None:
    """Remove a file that is closed, and what belongs to it."""
    for ending in _COMPANIONS:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def used_bytes(connection: sqlite3.Connection, path: Path) -> int:
    """Return what the rows of a file take on disk, its log of writes included."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    try:
        log_bytes = path.with_name(f"{path.name}-wal").stat().st_size
    except FileNotFoundError:
        log_bytes = 0
    return int((pages - free) * size) + log_bytes


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection, schema: str, version: int) -> None:
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        # Before there is a table, or never. Said again, it writes, for which a full disk has no room.
        connection.execute("PRAGMA auto_vacuum = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found not in (0, version):
        raise DamagedError(f"its version is {found}, not {version}")
    with transaction(connection):
        for statement in schema.split(";"):
            connection.execute(statement)
        if found == 0:
            connection.execute(f"PRAGMA user_version = {version}")
