"""Brings an emptied Redis back, from the database or from a backup of it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.addresses import DataDir, Endpoint, KeyFile, Shortener, shortener_endpoint
from cli.calls import channel_to, run
from cli.failures import CommandFailed, ExitCode
from cli.operations.backup import PostgresUrl, database_address, run_backup_module
from clicktrail.shortener.v1 import restore_service_pb2, restore_service_pb2_grpc

# A million links take a minute or two; where nobody answers, that is found out at the first step.
_DEADLINE_SECONDS = 24 * 3600.0
_OFFER = (
    "Private tokens and report links that were revoked after the backup was made would open again."
    " Revoke all of both that are in it?"
)
_REVOKED = (
    "No private token and no report link of before opens anything. Make new ones: clicktrail token create,"
    " clicktrail report-link."
)
_KEPT = (
    "Private tokens and report links that were revoked after the backup was made are valid again. To revoke them:"
    " DELETE /v1/tokens/{id} for a token, clicktrail report-link --revoke for a business's links; --revoke with the"
    " restore revokes all."
)


def restore(  # noqa: PLR0913  (options of a command)
    *,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from", help="First load this backup into the database, which must be empty and migrated.", metavar="FILE"
        ),
    ] = None,
    revoke: Annotated[
        bool | None,
        typer.Option(
            "--revoke/--keep",
            help="With `--from`: whether private tokens and report links of the backup are to open nothing.",
            show_default="asked at a terminal, else kept",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Look at every link although Redis says that it is complete.")
    ] = False,
    postgres_url: PostgresUrl = None,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Rebuild an emptied Redis from the database, while redirects go on.

    Until it is done, unknown codes are answered with 503 and no links are created. Safe to repeat, to interrupt and to
    run twice at once: what is there stays. With `--from`, load a backup first, while no service runs on the database;
    where no shortener answers after that, run `clicktrail restore` once the services are up. What was revoked after the
    backup was made opens again; with `--revoke` no private token and no report link of it does.

    What Redis had not delivered to the database yet is not in it.
    """
    if from_file is not None:
        _load(from_file, database_address(postgres_url, data_dir), is_revoking=revoke)
    elif revoke is not None:
        raise CommandFailed("--revoke and --keep go with --from: links alone have no tokens.", ExitCode.USAGE)
    service = shortener_endpoint(shortener, data_dir, key_file)
    try:
        told = run(restore_links(service, force=force), service)
    except CommandFailed as failure:
        if from_file is None or failure.exit_code is not ExitCode.UNAVAILABLE:
            raise
        typer.echo("The database is restored. Start the services, then run: clicktrail restore")
        return
    _say(told, force=force)


def _load(file: Path, postgres_url: str | None, *, is_revoking: bool | None) -> None:
    if is_revoking is None and sys.stdin.isatty():
        is_revoking = typer.confirm(_OFFER)
    run_backup_module("load", file, postgres_url, *(["--revoke"] if is_revoking else []))
    typer.echo(_REVOKED if is_revoking else _KEPT)


async def restore_links(service: Endpoint, *, force: bool = False) -> restore_service_pb2.RestoreResponse:
    """Have the shortener restore its links, show how far it is, and return what it told last."""
    answer = restore_service_pb2.RestoreResponse()
    async with channel_to(service) as channel:
        stub = restore_service_pb2_grpc.RestoreServiceStub(channel)
        call = stub.Restore(restore_service_pb2.RestoreRequest(force=force), timeout=_DEADLINE_SECONDS)
        with _shown() as show:
            async for answer in call:
                show(answer)
    return answer


@contextmanager
def _shown() -> Iterator[Callable[[restore_service_pb2.RestoreResponse], None]]:
    """Show how far it is on standard error: a bar at a terminal, else a line each tenth."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines().show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("links", total=None)

        def show(answer: restore_service_pb2.RestoreResponse) -> None:
            is_through = answer.done >= answer.total > 0
            said = "waiting for the last deliveries" if is_through else "links"
            progress.update(task, completed=answer.done, total=max(answer.total, answer.done), description=said)

        yield show


class Lines:
    """Tells how far it is where a bar cannot be drawn."""

    def __init__(self) -> None:
        self._told = 0

    def show(self, answer: restore_service_pb2.RestoreResponse) -> None:
        """Write a line where another tenth is done."""
        tenth = answer.done * 10 // answer.total if answer.total else 0
        if tenth > self._told:
            self._told = tenth
            typer.echo(f"{answer.done} of {answer.total} links", err=True)


def _say(told: restore_service_pb2.RestoreResponse, *, force: bool) -> None:
    if told.was_complete and not force:
        typer.echo("Redis is complete: there is nothing to restore. With --force every link is looked at.")
    else:
        typer.echo(f"Redis is complete: {told.done} links looked at, {told.written} of them written.")
    if told.unreadable:
        named = ", ".join(told.unreadable_links) + (" …" if told.unreadable > len(told.unreadable_links) else "")
        raise CommandFailed(
            f"{told.unreadable} links were left out, since their copies cannot be read: {named}. All others are back."
        )
