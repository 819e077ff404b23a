"""Brings a database's tables up to date."""

import subprocess
from typing import Annotated, Literal

import typer

from cli.failures import CommandFailed, ExitCode
from cli.operations.backup import PostgresUrl
from cli.service_program import environment_with, python_module, settings_with_database


def migrate(
    *,
    phase: Annotated[
        Literal["pre", "post", "all"],
        typer.Option(
            help="`pre`: what new code needs, before it starts, while older code runs. `post`: what must wait until no"
            " older code runs any more. `all`: both, where no older code runs."
        ),
    ] = "all",
    postgres_url: PostgresUrl = None,
) -> None:
    """Bring a database's tables up to date; safe to run again, and while the services run.

    With `CLICKTRAIL_POSTGRES_OWNER_URL` it runs as the owner of the tables who is named there, makes the role of
    `CLICKTRAIL_POSTGRES_URL` where there is none, and lets it read and write their rows.
    """
    command = [*python_module("tracking_service.migrate"), "--phase", phase]
    environment = environment_with(settings_with_database(postgres_url))
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603  (our own module)
    if done.returncode != 0:
        known = done.returncode in list(ExitCode)
        raise CommandFailed(
            "The migration failed; what it said stands above.",
            ExitCode(done.returncode) if known else ExitCode.FAILED,
        )
