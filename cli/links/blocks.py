"""Blocks links, and lifts that: for operators, whosever the links are."""

import re
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from cli.addresses import DataDir, KeyFile, Shortener, shortener_endpoint
from cli.calls import ask
from cli.failures import CommandFailed, ExitCode
from cli.terminal import shown_text
from clicktrail.shortener.v1 import link_pb2
from clicktrail.shortener.v1 import link_service_pb2 as pb
from clicktrail.shortener.v1.link_service_pb2_grpc import LinkServiceStub

# What follows the first character that no code can have is not part of it, as where a link is opened.
_CODE = re.compile(r"[A-Za-z0-9_-]+")

Which = Annotated[
    str,
    typer.Argument(help="Its short URL, its id (`domain:code`), or its code on the default domain.", metavar="LINK"),
]


class Place(NamedTuple):
    """Where a link is found; an empty host stands for the default domain."""

    host: str
    code: str


def block(
    which: Which,
    *,
    reason: Annotated[str, typer.Option(help="Why, for its business to read.")] = "",
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Block a link: within 5 seconds it answers 410 with a page that says so, until `unblock`. For operators."""
    host, code = place_of(which)
    request = pb.BlockLinkRequest(host=host, code=code, reason=reason or None)
    service = shortener_endpoint(shortener, data_dir, key_file)
    _show("blocked", ask(service, lambda channel: LinkServiceStub(channel).BlockLink, request).link)


def unblock(
    which: Which,
    *,
    shortener: Shortener = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Lift the block of a link: it is again what its business has made of it. For operators."""
    host, code = place_of(which)
    request = pb.UnblockLinkRequest(host=host, code=code)
    service = shortener_endpoint(shortener, data_dir, key_file)
    _show("not blocked", ask(service, lambda channel: LinkServiceStub(channel).UnblockLink, request).link)


def place_of(text: str) -> Place:
    """Return where a link is found by its short URL, its id or its code."""
    if "/" in text:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, path = parts.hostname or "", parts.path.removeprefix("/")
    else:
        host, _, path = text.rpartition(":")
    code = _CODE.match(path)
    if code is None:
        raise CommandFailed(f"{text} is no short URL, id or code of a link.", ExitCode.USAGE)
    return Place(host, code[0])


def _show(state: str, link: link_pb2.Link) -> None:
    typer.echo(shown_text(f"{link.short_url} of {link.business_id}, to {link.destination}: {state}"))
