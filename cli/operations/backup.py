"""Writes everything that the database holds into one file."""

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from cli.addresses import DataDir
from cli.data_directory import DataDirectory
from cli.failures import CommandFailed, ExitCode
from cli.service_program import environment_with, python_module, settings_with_database

PostgresUrl = Annotated[
    str | None,
    typer.Option(
        "--postgres-url",
        envvar="CLICKTRAIL_POSTGRES_URL",
        help="The database, such as `postgresql://user@host:5432/clicktrail`; its password may stand in it, or in"
        " `CLICKTRAIL_POSTGRES_PASSWORD`.",
        metavar="URL",
        show_default=False,
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced at the end.")],
    postgres_url: PostgresUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Write everything that the database holds into one file, as of one moment, while the services run.

    The file holds people's data and what codes are derived with: it is readable by its owner alone; keep it so. What
    Redis has not delivered to the database yet is not in it, nor are events that wait in a spool.

    `clicktrail restore --from FILE` brings it back.
    """
    run_backup_module("create", file, database_address(postgres_url, data_dir))


def database_address(given: str | None, data_dir: Path | None) -> str | None:
    """Return the database's address: the one given, the running stack's, or none: the default."""
    return DataDirectory(data_dir).read_postgres_url() if data_dir and not given else given


def run_backup_module(task: str, file: Path, postgres_url: str | None, *options: str) -> None:
    """Run the part of this that talks to PostgreSQL; raise `CommandFailed` where it could not do it."""
    settings = settings_with_database(postgres_url)
    command = [*python_module("tracking_service.backup"), task, os.fspath(file.absolute()), *options]
    done = subprocess.run(command, env=environment_with(settings), check=False)  # noqa: S603  (our own module)
    if done.returncode != 0:
        known = done.returncode in list(ExitCode)
        raise CommandFailed(
            "Nothing was written." if task == "create" else "The database is as it was.",
            ExitCode(done.returncode) if known else ExitCode.FAILED,
        )
