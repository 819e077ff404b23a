"""Adds domains for short links, and proves whose they are."""

from typing import Annotated

import typer

from cli.addresses import Business, DataDir, KeyFile, Shortener, business_id, shortener_endpoint
from cli.calls import ask
from cli.commands import Commands
from cli.terminal import TextTable, console, show_json, shown_text
from clicktrail.shortener.v1 import domain_service_pb2 as pb
from clicktrail.shortener.v1.domain_service_pb2_grpc import DomainServiceStub
from common.clock import from_timestamp, to_rfc3339

app = Commands(help="Add domains for short links, and prove whose they are.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The host name, such as go.example.com.")]
WithoutProof = Annotated[
    bool, typer.Option("--without-proof", help="Have it serve at once, by the operator's word: for operators.")
]


@app.callback()
def domains_group() -> None:
    """Add domains for short links, and prove whose they are."""


@app.command("add")
def add(  # noqa: PLR0913  (options of a command)
    name: Name,
    *,
    without_proof: WithoutProof = False,
    business: Business = None,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Print the TXT record that proves that a domain is the business's: set it, then `clicktrail domain verify`."""
    owner = business_id(business, data_dir)
    service = shortener_endpoint(shortener, data_dir, key_file)
    if without_proof:
        registration = pb.RegisterDomainRequest(domain=pb.Domain(name=name, business_id=owner))
        _show(ask(service, lambda channel: DomainServiceStub(channel).RegisterDomain, registration).domain)
        return
    request = pb.ClaimDomainRequest(business_id=owner, name=name)
    record = ask(service, lambda channel: DomainServiceStub(channel).ClaimDomain, request).domain.record
    for title, value in (("type", record.type), ("name", record.name), ("value", record.value)):
        typer.echo(f"{title:<10}{value}")


@app.command("verify")
def verify(
    name: Name,
    *,
    business: Business = None,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Look for the TXT record of a domain; where it is there, the domain serves the business's links from now on."""
    owner = business_id(business, data_dir)
    service = shortener_endpoint(shortener, data_dir, key_file)
    request = pb.VerifyDomainRequest(business_id=owner, name=name)
    _show(ask(service, lambda channel: DomainServiceStub(channel).VerifyDomain, request).domain)


@app.command("list")
def list_domains(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    business: Business = None,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """List the domains that serve the business's links."""
    owner = business_id(business, data_dir)
    service = shortener_endpoint(shortener, data_dir, key_file)
    request = pb.ListDomainsRequest(business_id=owner)
    found = ask(service, lambda channel: DomainServiceStub(channel).ListDomains, request)
    if as_json:
        show_json(found)
        return
    table = TextTable("Domains", "name", "verified", "fallback")
    for domain in found.domains:
        verified = to_rfc3339(from_timestamp(domain.verified_at)) if domain.HasField("verified_at") else "by operator"
        table.add_texts(domain.name, verified, domain.fallback_url)
    console.print(table)


@app.command("remove")
def remove(
    name: Name,
    *,
    business: Business = None,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Take a domain out of service: its links answer 404."""
    owner = business_id(business, data_dir)
    service = shortener_endpoint(shortener, data_dir, key_file)
    request = pb.RemoveDomainRequest(business_id=owner, name=name)
    ask(service, lambda channel: DomainServiceStub(channel).RemoveDomain, request)
    typer.echo(f"{name} is removed")


def _show(domain: pb.Domain) -> None:
    typer.echo(shown_text(f"{domain.name} serves the links of {domain.business_id}"))
