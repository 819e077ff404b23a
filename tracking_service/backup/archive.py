"""The file of a backup: a plain tar, a member a table, and at its end a manifest that everything is checked against.

A member's size stands before its content, and is known only behind it: so each header is written once more at the end,
and nothing needs to fit into memory.
"""

import errno
import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

FORMAT = 1
MANIFEST = "manifest.json"
LARGEST_MANIFEST_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 1024 * 1024


class DamagedBackupError(Exception):
    """The file is no backup, or not whole; says what is wrong."""


@dataclass(frozen=True, slots=True)
class TableMember:
    """A table in the file: PostgreSQL's binary COPY of these columns."""

    table: str
    columns: list[str]
    rows: int
    sha256: str

    @property
    def name(self) -> str:
        """Return the member's name."""
        return f"{self.table}.copy"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    created_at: str
    migrations: dict[str, str]
    """The checksum of each that had run, by name."""
    tables: list[TableMember]
    sequences: dict[str, int]
    """The last number given out, by `table.column`; it may belong to a row that is gone, and is never given again."""
    partitions: dict[str, list[str]]
    """The months, such as "2026-11", that each partitioned table has."""
    format: int = field(default=FORMAT)


class Member:
    """Takes the content of a member, piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Return the hash of what was written."""
        return self._hash.hexdigest()

    async def write(self, content: bytes) -> None:
        """Write a piece."""
        self._hash.update(content)
        self.size += len(content)
        self._file.write(content)


class BackupWriter:
    """Writes the members of a backup one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @contextmanager
    def member(self, name: str) -> Iterator[Member]:
        """Add a member; its content is written to what is yielded."""
        begin = self._file.tell()
        self._file.write(bytes(tarfile.BLOCKSIZE))
        member = Member(self._file)
        yield member
        self._file.write(bytes(-member.size % tarfile.BLOCKSIZE))
        end = self._file.tell()
        self._file.seek(begin)
        self._file.write(_header(name, member.size))
        self._file.seek(end)

    async def finish(self, manifest: Manifest) -> None:
        """Add the manifest and end the file."""
        with self.member(MANIFEST) as member:
            await member.write(json.dumps(asdict(manifest), indent=1).encode())
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name once it is whole and on disk, readable by us alone, or never."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class BackupReader:
    """Reads a backup; raises `DamagedBackupError` where it is not whole."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["BackupReader"]:
        """Open the file of a backup."""
        with _damage_told(), tarfile.open(path, "r:") as tar:
            yield cls(tar)

    def manifest(self) -> Manifest:
        """Return what the backup says of itself."""
        info = self._tar.getmember(MANIFEST)
        if info.size > LARGEST_MANIFEST_BYTES:
            raise DamagedBackupError("its manifest is too large")
        said = json.loads(b"".join(self._pieces(MANIFEST)))
        if said.get("format") != FORMAT:
            raise DamagedBackupError(f"its format is {said.get('format')!r}, and this version reads {FORMAT}")
        return Manifest(**said | {"tables": [TableMember(**table) for table in said["tables"]]})

    def check(self, tables: list[TableMember]) -> None:
        """Raise `DamagedBackupError` unless every member is what the manifest says."""
        for table in tables:
            digest = hashlib.sha256()
            for piece in self._pieces(table.name):
                digest.update(piece)
            if digest.hexdigest() != table.sha256:
                raise DamagedBackupError(f"{table.name} is not what was written")

    def content(self, table: TableMember) -> Iterator[bytes]:
        """Yield a table's content, piece by piece."""
        return self._pieces(table.name)

    def _pieces(self, name: str) -> Iterator[bytes]:
        file = self._tar.extractfile(name)
        if file is None:
            raise DamagedBackupError(f"{name} is no file")
        left = self._tar.getmember(name).size
        while left:
            piece = file.read(min(left, PIECE_BYTES))
            if not piece:
                raise DamagedBackupError(f"{name} ends too early")
            left -= len(piece)
            yield piece


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedBackupError(str(error).strip("'\"") or type(error).__name__) from error
