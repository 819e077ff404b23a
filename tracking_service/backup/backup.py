"""Writes everything that the database holds into a file, and fills an empty database from one."""

from collections.abc import Callable
from pathlib import Path

from tracking_service.backup.archive import BackupReader, BackupWriter, TableMember, written_whole
from tracking_service.backup.store import copy_in, copy_out

Say = Callable[[TableMember], None]


async def create(url: str, path: Path, say: Say) -> int:
    """Write a backup of the database and return how many rows it has."""
    with written_whole(path) as file:
        manifest = await copy_out(url, BackupWriter(file), say)
    return sum(table.rows for table in manifest.tables)


async def load_from(url: str, path: Path, say: Say, *, is_revoking: bool = False) -> int:
    """Fill an empty database from a backup and return how many rows it has; raise, and then nothing was written.

    With `is_revoking`, what opens anything by itself, private tokens and links to reports, is worthless afterwards.
    """
    with BackupReader.open(path) as reader:
        manifest = reader.manifest()
        # Before anything is written: a file that is damaged at its end is found out now.
        reader.check(manifest.tables)
        await copy_in(url, reader, manifest, say, is_revoking=is_revoking)
    return sum(table.rows for table in manifest.tables)
