"""Creates short links in bulk, from a file of recipients."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.addresses import (
    Business,
    DataDir,
    KeyFile,
    Shortener,
    Tracking,
    business_id,
    shortener_endpoint,
    tracking_endpoint,
)
from cli.calls import run, sentence_of
from cli.commands import Commands
from cli.failures import CommandFailed, ExitCode
from cli.links.blocks import block, unblock
from cli.links.bulk_creation import Order, create_links
from cli.links.people import tell_details
from cli.links.recipients import Row, count_rows, kept, read_rows
from clicktrail.common.v1 import types_pb2
from clicktrail.shortener.v1 import link_pb2, link_service_pb2
from common.clock import to_timestamp

app = Commands(help="Create short links, and block them.", no_args_is_help=True)
app.command("block")(block)
app.command("unblock")(unblock)
# More would scroll the summary away.
_ERRORS_SHOWN = 20
_COLUMNS = ("profile", "external_id", "code", "short_url")


@app.callback()
def links_group() -> None:
    """Create short links, and block them."""


@app.command("create")
def create(  # noqa: PLR0913  (options of a command)
    *,
    csv_file: Annotated[
        Path,
        typer.Option(
            "--csv",
            help="The recipients, with a header: columns `profile` and `external_id`, and perhaps `name`, `email` and "
            "`phone`. `-`: standard input.",
        ),
    ],
    destination: Annotated[str, typer.Option(help="Where the links lead.", metavar="URL")],
    campaign: Annotated[str | None, typer.Option(help="The campaign they belong to.")] = None,
    journey: Annotated[str | None, typer.Option(help="The journey they belong to; not with --campaign.")] = None,
    message: Annotated[str | None, typer.Option(help="The message of the campaign or journey.")] = None,
    domain: Annotated[str | None, typer.Option(help="A registered domain of the business.")] = None,
    utm_source: Annotated[str | None, typer.Option(help="`utm_source`, where the destination has none.")] = None,
    utm_medium: Annotated[str | None, typer.Option(help="`utm_medium`, likewise.")] = None,
    utm_campaign: Annotated[str | None, typer.Option(help="`utm_campaign`, likewise.")] = None,
    expires_at: Annotated[
        datetime | None, typer.Option(help="From when on they answer 410; in UTC.", formats=["%Y-%m-%dT%H:%M:%S"])
    ] = None,
    fallback_url: Annotated[str | None, typer.Option(help="Where they lead once expired.", metavar="URL")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file for the short URLs.", show_default="standard output")
    ] = None,
    business: Business = None,
    shortener: Shortener = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Create one short link per recipient, and write them as CSV.

    Safe to repeat: the same recipients of the same campaign and message get the same links. Exits with 1 when some
    recipients have no link; each is told on standard error.
    """
    template = link_pb2.LinkTemplate(
        destination=destination,
        campaign=campaign,
        journey=journey,
        message=message,
        domain=domain,
        expires_at=to_timestamp(expires_at.replace(tzinfo=UTC)) if expires_at else None,
        fallback_url=fallback_url,
    )
    if utm_source or utm_medium or utm_campaign:
        template.utm.CopyFrom(types_pb2.Utm(source=utm_source, medium=utm_medium, campaign=utm_campaign))
    with kept(csv_file) as source:
        order = Order(business_id(business, data_dir), template, count_rows(source))
        service = shortener_endpoint(shortener, data_dir, key_file)
        with _written_to(output) as file, _progress() as progress:
            ledger = Ledger(file, progress, order.count)
            run(create_links(service, order, read_rows(source), ledger.take), service)
        if any(row.has_details for row in read_rows(source)):
            keeper = tracking_endpoint(tracking, data_dir, key_file)
            run(tell_details(keeper, order.business, read_rows(source)), keeper)
        ledger.close(source)


class Ledger:
    """Writes the links, remembers the first errors, and moves the bar."""

    def __init__(self, file: TextIO, progress: Progress, count: int) -> None:
        self._file = file
        self._writer = csv.writer(file)
        self._progress = progress
        self._task = progress.add_task("links", total=count)
        self._made = 0
        self._errors: list[str] = []
        self._failed = 0

    def take(self, row: Row, result: link_service_pb2.LinkResult) -> None:
        """Enter one recipient's result."""
        if not self._made + self._failed:
            self._begin()
        if result.errors:
            self._failed += 1
            if len(self._errors) < _ERRORS_SHOWN:
                self._errors.append(f"line {row.line}, {row.external_id}: {sentence_of(result.errors)}")
        else:
            self._made += 1
            self._writer.writerow((row.profile, row.external_id, result.link.code, result.link.short_url))
        self._progress.advance(self._task)

    def close(self, source: Path) -> None:
        """Say what was made; raise `CommandFailed` if anything was not."""
        for error in self._errors:
            typer.echo(error, err=True)
        if self._failed > len(self._errors):
            typer.echo(f"… and {self._failed - len(self._errors)} more", err=True)
        if self._failed:
            raise CommandFailed(
                f"{self._failed} of {self._failed + self._made} recipients of {source.name} have no link."
            )
        typer.echo(f"{self._made} links", err=True)

    def _begin(self) -> None:
        """Write the header, in place of what the file had: only now is it certain that anything is made."""
        if self._file is not sys.stdout:
            self._file.truncate(0)
        self._writer.writerow(_COLUMNS)


@contextmanager
def _written_to(path: Path | None) -> Iterator[TextIO]:
    """Open the file for the links, or fail before any is made; what it has stays until it is truncated."""
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("a", newline="", encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}.", ExitCode.USAGE) from None
    with file:
        yield file


def _progress() -> Progress:
    """Return a bar on standard error, gone when done: standard output may be the CSV."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
