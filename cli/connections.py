"""Connects shops on platforms, whose orders come by themselves then."""

import sys
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

import typer
from google.protobuf.field_mask_pb2 import FieldMask

from cli.addresses import Business, DataDir, Endpoint, KeyFile, Tracking, business_id, tracking_endpoint
from cli.calls import ask
from cli.commands import Commands
from cli.failures import CommandFailed, ExitCode
from cli.terminal import TextTable, console, show_json, shown_text
from cli.times import time_of
from clicktrail.common.v1.types_pb2 import Json
from clicktrail.tracking.v1 import connection_service_pb2 as pb
from clicktrail.tracking.v1.connection_service_pb2_grpc import ConnectionServiceStub
from common.clock import from_timestamp, to_rfc3339

app = Commands(help="Connect shops on platforms, whose orders come by themselves then.", no_args_is_help=True)

# As many as an answer holds; a business has at most 50.
MOST = 100
# The platforms that are given a secret of our making.
GIVEN_SECRETS = ("woocommerce",)
# Where the hook's address is pasted.
PLACES = {
    "woocommerce": "WooCommerce → Settings → Advanced → Webhooks: one for Order created, one for Order updated,"
    " both with this address and secret",
    "shopify": "Settings → Notifications → Webhooks: one for each topic of the guide; the page shows the secret then",
    "stripe": "Developers → Webhooks → Add destination; the destination shows the secret then",
    "generic": "where the system sends its notifications to",
}

Id = Annotated[str, typer.Argument(help="The connection's id, as `list` shows it.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="A file with the secret that the platform shows; `-`: standard input.", allow_dash=True),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def connections_group() -> None:
    """Connect shops on platforms, whose orders come by themselves then."""


@app.command("add")
def add(  # noqa: PLR0913  (options of a command)
    platform: Annotated[str, typer.Argument(help="woocommerce, shopify, stripe, or generic with a --mapping.")],
    *,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="How the shop's system is called where ids of its customers and orders are told.",
            show_default="the platform's name",
        ),
    ] = None,
    secret_file: SecretFile = None,
    mapping: Annotated[
        Path | None, typer.Option(help="A file that describes what a platform without a module sends: JSON.")
    ] = None,
    as_json: AsJson = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Connect a shop; print the address that its platform sends to and, where we make it, the secret: once."""
    wanted = pb.Connection(platform=platform, name=name, source=source or "", secret=_secret_in(secret_file))
    if mapping is not None:
        wanted.mapping.CopyFrom(Json(text=_bytes_of(mapping)))
    request = pb.CreateConnectionRequest(business_id=business_id(business, data_dir), connection=wanted)
    service = tracking_endpoint(tracking, data_dir, key_file)
    made = ask(service, lambda channel: ConnectionServiceStub(channel).CreateConnection, request).connection
    if as_json:
        show_json(made)
        return
    _tell(id=made.id, address=made.hook_url, secret=made.secret)
    typer.echo(f"{'paste in':<10}{PLACES.get(made.platform, PLACES['generic'])}")
    if made.secret:
        _warn("The secret is shown this once: keep it safe.")
    elif made.disabled_reason:
        _warn(f"{made.disabled_reason} Then: clicktrail connection rotate {made.id} --secret-file FILE")


@app.command("list")
def list_connections(
    *,
    as_json: AsJson = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """List the connections, newest first."""
    owner, service = business_id(business, data_dir), tracking_endpoint(tracking, data_dir, key_file)
    found = _all_of(service, owner)
    if as_json:
        show_json(found)
        return
    if not found.connections:
        typer.echo("No shop is connected: clicktrail connection add PLATFORM")
        return
    table = TextTable(
        "Connections", "id", "platform", "source", "name", "state", "deliveries", "refused", "last delivery"
    )
    for each in found.connections:
        counts = f"{each.deliveries:,}", f"{each.refused:,}"
        table.add_texts(each.id, each.platform, each.source, each.name, _state(each), *counts, _last(each))
    console.print(table)


@app.command("show")
def show(  # noqa: PLR0913  (options of a command)
    identifier: Id,
    *,
    as_json: AsJson = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Show a connection: its address, whether it takes what comes, and when the last delivery came."""
    owner, service = business_id(business, data_dir), tracking_endpoint(tracking, data_dir, key_file)
    found = _found(identifier, owner, service)
    if as_json:
        show_json(found)
        return
    table = TextTable(f"Connection {found.id}", "what", "value")
    for what, value in (
        ("platform", found.platform),
        ("source", found.source),
        ("name", found.name),
        ("address", found.hook_url),
        ("state", _state(found)),
        ("created", to_rfc3339(from_timestamp(found.created_at))),
        ("deliveries", f"{found.deliveries:,}"),
        ("refused: wrong signature", f"{found.refused:,}"),
        ("last delivery", _last(found)),
    ):
        table.add_texts(what, value)
    console.print(table)


@app.command("rotate")
def rotate(  # noqa: PLR0913  (options of a command)
    identifier: Id,
    *,
    secret_file: SecretFile = None,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Give a connection another secret, or its first; the one before counts for 24 hours more.

    Without a file it is asked for or, where the platform takes one of our making, made, and shown this once.
    """
    owner, service = business_id(business, data_dir), tracking_endpoint(tracking, data_dir, key_file)
    secret, is_new = _secret_in(secret_file), False
    if secret is None:
        is_new = _found(identifier, owner, service).platform in GIVEN_SECRETS
        secret = token_urlsafe(32) if is_new else typer.prompt("The secret that the platform shows", hide_input=True)
    changed = _changed(pb.Connection(secret=secret), identifier, owner, service)
    typer.echo(f"{changed.id} has another secret; one that it had before counts for 24 hours more")
    if is_new:
        _tell(secret=secret)
        _warn("The secret is shown this once: give it to the platform.")


@app.command("enable")
def enable(
    identifier: Id,
    *,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Take what comes again, after `disable` or after the platform has ended a connection."""
    owner, service = business_id(business, data_dir), tracking_endpoint(tracking, data_dir, key_file)
    changed = _changed(pb.Connection(enabled=True), identifier, owner, service)
    typer.echo(f"{changed.id} is {_state(changed)}")


@app.command("disable")
def disable(
    identifier: Id,
    *,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Take nothing more of a connection: its hook answers 404."""
    owner, service = business_id(business, data_dir), tracking_endpoint(tracking, data_dir, key_file)
    typer.echo(f"{identifier} is {_state(_changed(pb.Connection(enabled=False), identifier, owner, service))}")


@app.command("remove")
def remove(
    identifier: Id,
    *,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Remove a connection: its hook answers 404. What its shop has told stays."""
    request = pb.DeleteConnectionRequest(business_id=business_id(business, data_dir), id=identifier)
    service = tracking_endpoint(tracking, data_dir, key_file)
    ask(service, lambda channel: ConnectionServiceStub(channel).DeleteConnection, request)
    typer.echo(f"{identifier} is removed")


@app.command("deliveries")
def deliveries(  # noqa: PLR0913  (options of a command)
    identifier: Id,
    *,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=MOST)] = 25,
    after: Annotated[str | None, typer.Option(help="Only those older than the one with this id.", metavar="ID")] = None,
    as_json: AsJson = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """List what the platform sent, newest first, and what became of it."""
    owner = business_id(business, data_dir)
    request = pb.ListDeliveriesRequest(business_id=owner, id=identifier, limit=limit, starting_after=after)
    service = tracking_endpoint(tracking, data_dir, key_file)
    found = ask(service, lambda channel: ConnectionServiceStub(channel).ListDeliveries, request)
    if as_json:
        show_json(found)
        return
    if not found.deliveries:
        typer.echo("Nothing has come.")
        return
    table = TextTable("Deliveries", "received", "topic", "outcome", "events", "reason", "id")
    for each in found.deliveries:
        at = to_rfc3339(from_timestamp(each.received_at))
        table.add_texts(at, each.topic, each.outcome, f"{len(each.events)}", each.reason, each.id)
    console.print(table)
    if found.has_more:
        typer.echo(f"There are older ones: --after {found.deliveries[-1].id}")


@app.command("replay")
def replay(  # noqa: PLR0913  (options of a command)
    *,
    since: Annotated[
        str, typer.Option("--from", help="What was received from this time on (UTC, unless it says).", metavar="TIME")
    ],
    connection: Annotated[
        str | None, typer.Option(help="Of this connection alone.", metavar="ID", show_default="all of the business")
    ] = None,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Turn what platforms sent into events once more, after a mapping was mended. What is known stays as it is."""
    at = time_of("--from", since)
    owner, service = business_id(business, data_dir), tracking_endpoint(tracking, data_dir, key_file)
    chosen = [connection] if connection else [each.id for each in _all_of(service, owner).connections]
    for each in chosen:
        request = pb.ReplayDeliveriesRequest(business_id=owner, id=each, since=at)
        told = ask(service, lambda channel: ConnectionServiceStub(channel).ReplayDeliveries, request)
        typer.echo(f"{each}: {told.deliveries:,} deliveries are read again")
    if not chosen:
        typer.echo("No shop is connected.")


def _found(identifier: str, owner: str, service: Endpoint) -> pb.Connection:
    request = pb.GetConnectionRequest(business_id=owner, id=identifier)
    return ask(service, lambda channel: ConnectionServiceStub(channel).GetConnection, request).connection


def _all_of(service: Endpoint, owner: str) -> pb.ListConnectionsResponse:
    request = pb.ListConnectionsRequest(business_id=owner, limit=MOST)
    return ask(service, lambda channel: ConnectionServiceStub(channel).ListConnections, request)


def _changed(wanted: pb.Connection, identifier: str, owner: str, service: Endpoint) -> pb.Connection:
    fields = [field.name for field, _ in wanted.ListFields()]
    request = pb.UpdateConnectionRequest(
        business_id=owner, id=identifier, connection=wanted, update_mask=FieldMask(paths=fields)
    )
    return ask(service, lambda channel: ConnectionServiceStub(channel).UpdateConnection, request).connection


def _secret_in(file: Path | None) -> str | None:
    if file is None:
        return None
    text = sys.stdin.buffer.read() if str(file) == "-" else _bytes_of(file)
    try:
        secret = text.decode().strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise CommandFailed(f"{file} has no secret in it.", ExitCode.USAGE)
    return secret


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.", ExitCode.USAGE) from None


def _state(connection: pb.Connection) -> str:
    if connection.disabled_reason:
        return connection.disabled_reason
    if connection.silent:
        return "silent: it has sent nothing for much longer than usual"
    return "enabled" if connection.enabled else "disabled"


def _last(connection: pb.Connection) -> str:
    return (
        to_rfc3339(from_timestamp(connection.last_delivery_at)) if connection.HasField("last_delivery_at") else "never"
    )


def _tell(**values: str) -> None:
    for name, value in values.items():
        if value:
            typer.echo(f"{name:<10}{shown_text(value)}")


def _warn(text: str) -> None:
    typer.echo(shown_text(text), err=True)
