"""Writes everything that the database holds into a file, and back: `python -m tracking_service.backup create FILE`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from common.settings import load_settings
from tracking_service.backup_file import BackupReader, BackupWriter, DamagedBackupError, TableMember, written_whole
from tracking_service.postgres.servers import NotConnectedError, UnfitDatabaseError
from tracking_service.postgres_backup import DatabaseAwayError, UnfitBackupError, copy_in, copy_out
from tracking_service.settings import TrackingSettings

USAGE, UNAVAILABLE = 2, 3

Say = Callable[[TableMember], None]


async def create(url: str, path: Path, say: Say) -> int:
    """Write a backup of the database and return how many rows it has."""
    with written_whole(path) as file:
        manifest = await copy_out(url, BackupWriter(file), say)
    return sum(table.rows for table in manifest.tables)


async def load_from(url: str, path: Path, say: Say) -> int:
    """Fill an empty database from a backup and return how many rows it has; raise, and then nothing was written."""
    with BackupReader.open(path) as reader:
        manifest = reader.manifest()
        # Before anything is written: a file that is damaged at its end is found out now.
        reader.check(manifest.tables)
        await copy_in(url, reader, manifest, say)
    return sum(table.rows for table in manifest.tables)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the arguments say, and end with an exit code that tells whose turn it is."""
    parser = argparse.ArgumentParser(prog="python -m tracking_service.backup", description="Backs the database up.")
    parser.add_argument("task", choices=["create", "load"])
    parser.add_argument("file", type=Path)
    asked = parser.parse_args(arguments)
    url = load_settings(TrackingSettings).postgres_address
    task = create if asked.task == "create" else load_from
    try:
        rows = asyncio.run(task(url, asked.file, _say))
    except DamagedBackupError as error:
        _end(USAGE, f"{asked.file} cannot be restored: {error}.")
    except (UnfitBackupError, UnfitDatabaseError) as error:
        _end(USAGE, str(error))
    except NotConnectedError as error:
        _end(USAGE if error.is_lasting else UNAVAILABLE, str(error))
    except DatabaseAwayError as error:
        _end(UNAVAILABLE, f"PostgreSQL cannot do it now: {error}")
    except OSError as error:
        _end(USAGE, f"{asked.file}: {error.strerror or error}")
    print(f"{asked.file}: {rows} rows {'written' if asked.task == 'create' else 'restored'}.")  # noqa: T201  (its answer)


def _say(table: TableMember) -> None:
    print(f"{table.table}: {table.rows} rows", file=sys.stderr)  # noqa: T201  (for the person at the terminal)


def _end(code: int, said: str) -> None:
    print(said, file=sys.stderr)  # noqa: T201  (for the person at the terminal)
    sys.exit(code)


if __name__ == "__main__":
    main()
