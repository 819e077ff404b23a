"""Brings a database's tables up to date."""

import subprocess
from typing import Annotated

import typer

from cli.failures import CommandFailed, ExitCode
from cli.service_program import environment_with, python_module


def migrate(
    postgres_url: Annotated[
        str | None,
        typer.Option(
            envvar="CLICKTRAIL_POSTGRES_URL",
            help="The database, such as `postgresql://user:password@host:5432/clicktrail`.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring a database's tables up to date; safe to run again, and while the services run."""
    settings = {"POSTGRES_URL": postgres_url} if postgres_url else {}
    command = python_module("tracking_service.migrate")
    done = subprocess.run(command, env=environment_with(settings), check=False)  # noqa: S603  (our own module)
    if done.returncode != 0:
        known = done.returncode in list(ExitCode)
        raise CommandFailed(
            "The migration failed; what it said stands above.",
            ExitCode(done.returncode) if known else ExitCode.FAILED,
        )
