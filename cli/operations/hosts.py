"""Refuses hosts that no link may lead to, whosever it is."""

from typing import Annotated

import typer

from cli.addresses import DataDir, KeyFile, Shortener, shortener_endpoint
from cli.calls import ask
from cli.commands import Commands
from cli.terminal import TextTable, console, show_json, shown_text
from clicktrail.shortener.v1 import refused_host_service_pb2 as pb
from clicktrail.shortener.v1.refused_host_service_pb2_grpc import RefusedHostServiceStub
from common.clock import from_timestamp, to_rfc3339

app = Commands(help="Refuse hosts that no link may lead to.", no_args_is_help=True)

Host = Annotated[str, typer.Argument(help="A host name or address in any script; its subdomains are meant with it.")]


@app.callback()
def hosts_group() -> None:
    """Refuse hosts that no link may lead to."""


@app.command("refuse")
def refuse(
    host: Host,
    *,
    reason: Annotated[str, typer.Option(help="Why, for other operators.")] = "",
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Refuse a host: no link can be made to lead there, and those that do answer 410 within 10 seconds."""
    service = shortener_endpoint(shortener, data_dir, key_file)
    request = pb.RefuseHostRequest(name=host, reason=reason or None)
    refused = ask(service, lambda channel: RefusedHostServiceStub(channel).RefuseHost, request)
    typer.echo(shown_text(f"{refused.host.name} is refused, with its subdomains"))


@app.command("allow")
def allow(
    host: Host,
    *,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Take a host from the list: links lead there again within 10 seconds."""
    service = shortener_endpoint(shortener, data_dir, key_file)
    ask(service, lambda channel: RefusedHostServiceStub(channel).AllowHost, pb.AllowHostRequest(name=host))
    typer.echo(shown_text(f"{host} is allowed"))


@app.command("list")
def list_hosts(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """List the refused hosts."""
    service = shortener_endpoint(shortener, data_dir, key_file)
    request = pb.ListRefusedHostsRequest()
    found = ask(service, lambda channel: RefusedHostServiceStub(channel).ListRefusedHosts, request)
    if as_json:
        show_json(found)
        return
    if not found.hosts:
        typer.echo("No host is refused.")
        return
    table = TextTable("Refused hosts", "host", "since", "reason")
    for host in found.hosts:
        table.add_texts(host.name, to_rfc3339(from_timestamp(host.refused_at)), host.reason)
    console.print(table)
