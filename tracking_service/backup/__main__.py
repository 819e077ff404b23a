"""Writes everything that the database holds into a file, and back: `python -m tracking_service.backup create FILE`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from common.settings.settings import load_settings
from tracking_service.backup.archive import DamagedBackupError, TableMember
from tracking_service.backup.backup import create, load_from
from tracking_service.backup.store import DatabaseAwayError, UnfitBackupError
from tracking_service.postgres.servers import NotConnectedError, UnfitDatabaseError
from tracking_service.settings import MigrationSettings

USAGE, UNAVAILABLE = 2, 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the arguments say, and end with an exit code that tells whose turn it is."""
    parser = argparse.ArgumentParser(prog="python -m tracking_service.backup", description="Backs the database up.")
    parser.add_argument("task", choices=["create", "load"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--revoke", action="store_true", help="load no private token and no key of report links")
    asked = parser.parse_args(arguments)
    settings = load_settings(MigrationSettings)
    try:
        if asked.task == "create":
            rows = asyncio.run(create(settings.postgres_address, asked.file, _say))
        else:
            # Tables that are new are told to the planner by their owner.
            rows = asyncio.run(load_from(settings.owner_address, asked.file, _say, is_revoking=asked.revoke))
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
