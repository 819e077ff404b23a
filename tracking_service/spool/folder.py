"""The spool's folder: a file of our own to write to, and those that dead processes left behind."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from common.admission import SharedRoom
from common.logging import get_logger
from tracking_service.spool.file import (
    Fate,
    FullError,
    SpoolEntry,
    SpoolFile,
    SpoolLock,
    SpoolRow,
    open_spool_file,
)
from tracking_service.sqlite_file import DamagedError, remove_file

log = get_logger(__name__)

# What the files of a folder hold, which is how their names begin: those of one kind know nothing of the others.
EVENTS = "events"
DELIVERIES = "deliveries"
# Files of others that are open at once; the next ones are taken when these are empty.
ADOPTED_LIMIT = 16


class Batch(NamedTuple):
    """The oldest rows of a file."""

    file: SpoolFile
    rows: list[SpoolRow]


class SpoolFolder:
    """The files of one process. Not safe for several threads at once."""

    def __init__(self, path: Path, limit_bytes: int, kind: str = EVENTS) -> None:
        self._path = path
        self._kind = kind
        self._room = SharedRoom(limit_bytes)
        self._own: SpoolFile | None = None
        self._adopted: list[SpoolFile] = []
        self._unreadable: set[Path] = set()

    def open(self) -> None:
        """Take the files that no process has, and a file to write to: one that is there already, if possible."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.adopt()
        self._writable()

    def adopt(self) -> None:
        """Take files whose processes are dead."""
        held = {file.path for file in self._files()}
        free = (path for path in sorted(self._path.glob(f"{self._kind}-*.sqlite")) if path not in held)
        for path in free:
            if len(self._adopted) >= ADOPTED_LIMIT:
                return
            if file := self._take(path):
                log.info("what an earlier process left is taken over", kind=self._kind, file=path.name)
                self._adopted.append(file)

    def append(self, entries: Sequence[SpoolEntry]) -> list[Fate]:
        """Keep the entries on disk that there is room for, and return what became of each.

        Raises `FullError` where there is none for anybody, and `OSError`, `sqlite3.Error`; then none is kept.
        """
        fates = {number: fate for number, entry in enumerate(entries) if (fate := self._known(entry))}
        new = [entry for number, entry in enumerate(entries) if number not in fates]
        kept = iter(self._append(new))
        return [fates.get(number) or next(kept) for number in range(len(entries))]

    def oldest(self) -> Batch | None:
        """Return the first rows of the first file that has any; files that have none any more are removed."""
        for file in self._files():
            try:
                if rows := file.oldest():
                    return Batch(file, rows)
            except DamagedError:
                self._set_aside(file)
                continue
            if file is not self._own:
                self._adopted.remove(file)
                file.remove()
        return None

    def remove(self, batch: Batch) -> None:
        """Forget the rows of a batch, which are kept elsewhere now."""
        for row in batch.rows:
            self._room.give_back(row.business_id, row.size)
        try:
            batch.file.remove_through(batch.rows[-1].number)
        except DamagedError:
            self._set_aside(batch.file)
        finally:
            self._recycle()

    def close(self) -> None:
        """Leave what is not empty to the next process."""
        for file in self._files():
            try:
                is_empty = file.is_empty()
            except DamagedError:
                is_empty = False
            if is_empty:
                file.remove()
            else:
                file.close()
        self._own, self._adopted = None, []

    def _files(self) -> list[SpoolFile]:
        # The older ones first.
        return [*self._adopted, *([self._own] if self._own is not None else [])]

    def _append(self, entries: Sequence[SpoolEntry]) -> list[Fate]:
        if not entries:
            return []
        own = self._writable()
        try:
            return self._admit(own, entries)
        except DamagedError:
            self._set_aside(own)
        return self._writable().append(entries)

    def _admit(self, own: SpoolFile, entries: Sequence[SpoolEntry]) -> list[Fate]:
        """Append the entries that there is room for. Raises `FullError` where there is none for any of them."""
        admitted = self._take_room(enumerate(entries), self._used_bytes())
        if len(admitted) < len(entries):
            own.shrink()
            others = ((at, entry) for at, entry in enumerate(entries) if at not in admitted)
            taken = sum(entry.size for entry in admitted.values())
            admitted |= self._take_room(others, self._used_bytes() + taken)
        kept: dict[int, Fate] = {}
        try:
            kept = dict(zip(admitted, own.append(list(admitted.values())), strict=True))
        finally:
            for at, entry in admitted.items():
                if kept.get(at) is not Fate.NEW:
                    self._room.give_back(entry.business_id, entry.size)
        # What is there already needs no room.
        fates = [kept.get(at) or _fate_in(own, entry) or Fate.NO_ROOM for at, entry in enumerate(entries)]
        if all(fate is Fate.NO_ROOM for fate in fates):
            raise FullError
        return fates

    def _take_room(self, entries: Iterable[tuple[int, SpoolEntry]], used: int) -> dict[int, SpoolEntry]:
        """Return those of the entries, by their places, that there is room for beside so many bytes."""
        admitted: dict[int, SpoolEntry] = {}
        for at, entry in entries:
            if self._room.take(entry.business_id, entry.size, used):
                admitted[at] = entry
                used += entry.size
        return admitted

    def _known(self, entry: SpoolEntry) -> Fate | None:
        """Return what became of an entry that is in an adopted file."""
        for file in list(self._adopted):
            try:
                found = _fate_in(file, entry)
            except DamagedError:
                self._set_aside(file)
                continue
            if found is not None:
                return found
        return None

    def _used_bytes(self) -> int:
        return sum(file.used_bytes() for file in self._files())

    def _writable(self) -> SpoolFile:
        if self._own is not None and not self._own.is_in_place():
            log.error("the spool's file was removed; what it held is kept in memory alone", file=self._own.path.name)
            self._adopted.append(self._own)
            self._own = None
        if self._own is None:
            self._own = self._adopted.pop() if self._adopted and self._adopted[-1].is_in_place() else self._make()
        return self._own

    def _make(self) -> SpoolFile:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path / f"{self._kind}-{uuid4().hex}.sqlite"
        lock = SpoolLock.take(_lock_of(path))
        if lock is None:
            raise FileExistsError(path)
        try:
            return SpoolFile(path, lock)
        except BaseException:
            # Or a full disk would be littered with empty files, one for each event that is refused.
            remove_file(path)
            lock.remove()
            raise

    def _take(self, path: Path) -> SpoolFile | None:
        try:
            return _open_free(path)
        except (OSError, sqlite3.Error) as error:
            # Looked at again and again, told of once.
            if path not in self._unreadable:
                log.warning("a file of the spool cannot be read", file=path.name, cause=str(error))
                self._unreadable.add(path)
            return None

    def _recycle(self) -> None:
        """Remove our file where it has nothing left: also what a full disk has kept in it is gone then."""
        if self._own is not None and self._own.is_empty():
            self._own.remove()
            self._own = None

    def _set_aside(self, file: SpoolFile) -> None:
        if file is self._own:
            self._own = None
        else:
            self._adopted.remove(file)
        saved = file.set_aside()
        if saved:
            self._writable().append(saved)
        log.error("what could be read of a damaged file is kept", rows=len(saved))


def _open_free(path: Path) -> SpoolFile | None:
    lock = SpoolLock.take(_lock_of(path))
    if lock is None:
        return None
    if not path.exists():
        lock.remove()
        return None
    return open_spool_file(path, lock)


def _fate_in(file: SpoolFile, entry: SpoolEntry) -> Fate | None:
    """Return what becomes of an entry where a file has one with its id."""
    found = file.find(entry)
    if found is None:
        return None
    return Fate.SAME if found == entry.fingerprint else Fate.OTHER


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")
