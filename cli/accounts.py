"""Creates businesses and the tokens of their servers."""

from secrets import token_hex
from typing import Annotated

import typer
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from cli.addresses import Business, DataDir, Endpoint, KeyFile, Tracking, business_id, tracking_endpoint
from cli.calls import DEADLINE_SECONDS, channel_to, run
from cli.commands import Commands
from cli.failures import CommandFailed, ExitCode
from cli.times import time_of
from clicktrail.tracking.v1 import account_service_pb2, account_service_pb2_grpc
from common.clock import from_timestamp, now_timestamp, to_rfc3339

business_app = Commands(help="Create businesses, and set what only operators set of them.", no_args_is_help=True)
token_app = Commands(help="Create tokens for servers.", no_args_is_help=True)


@business_app.callback()
def business_group() -> None:
    """Create businesses, and set what only operators set of them."""


@token_app.callback()
def token_group() -> None:
    """Create tokens for servers."""


@business_app.command("create")
def create_business(  # noqa: PLR0913  (options of a command)
    *,
    name: Annotated[str, typer.Option(help="Its name, for people.")],
    identifier: Annotated[
        str | None, typer.Option("--id", help="Its public id: 1 to 64 of [A-Za-z0-9_-]. Without one, one is made.")
    ] = None,
    currency: Annotated[str, typer.Option(help="The currency of amounts that name none.", metavar="ISO-4217")] = "USD",
    country: Annotated[str, typer.Option(help="Its country.", metavar="ISO-3166")] = "US",
    locale: Annotated[str, typer.Option(help="The language of its pages.")] = "en",
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Create a business and its first token; print the public id and the token, which is shown this once."""
    business = account_service_pb2.Business(
        id=identifier or "", name=name, currency=currency, country=country, locale=locale
    )
    service = tracking_endpoint(tracking, data_dir, key_file)
    made, token = run(_create_business(service, business), service)
    _show(business=made, token=token)


@business_app.command("update")
def update_business(  # noqa: PLR0913  (options of a command)
    *,
    rate_factor: Annotated[
        float | None, typer.Option(help="How many times the usual rate limits it has: 0.001 to 1000.")
    ] = None,
    confirmed_from: Annotated[
        str | None,
        typer.Option(
            help="From when on what pages alone tell counts beside the totals, not in them: a time, `now` or `never`.",
            metavar="TIME",
        ),
    ] = None,
    page_amount_ceiling: Annotated[
        int | None, typer.Option(help="The largest amount that pages are believed, in whole units of its currency.")
    ] = None,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Change a business, effective within 5 seconds; print what it has now."""
    told = {"rate_factor": rate_factor, "confirmed_from": confirmed_from, "page_amount_ceiling": page_amount_ceiling}
    fields = [name for name, value in told.items() if value is not None]
    if not fields:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in told)
        raise CommandFailed(f"Nothing to change: give any of {options}.", ExitCode.USAGE)
    wanted = account_service_pb2.Business(
        id=business_id(business, data_dir), rate_factor=rate_factor, confirmed_from=_confirmed_from(confirmed_from),
        page_amount_ceiling=page_amount_ceiling,
    )  # fmt: skip
    service = tracking_endpoint(tracking, data_dir, key_file)
    changed = run(_update_business(service, wanted, fields), service)
    for field in fields:
        typer.echo(f"{changed.id}: {_in_words(changed)[field]}")


@token_app.command("create")
def create_token(
    *,
    name: Annotated[str, typer.Option(help="What it is for.")] = "server",
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Create a token and print it: it is shown this once."""
    owner = business_id(business, data_dir)
    service = tracking_endpoint(tracking, data_dir, key_file)
    token = run(_create_token(service, owner, name), service)
    _show(business=owner, token=token)


@business_app.command("identity-secret")
def set_identity_secret(
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take pages at their word again.")] = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Make a secret that the shop's server proves with who its visitors are, and print it: it is shown this once.

    From then on what a page says without proof decides nothing.
    """
    owner = business_id(business, data_dir)
    secret = "" if remove else token_hex()
    service = tracking_endpoint(tracking, data_dir, key_file)
    wanted = account_service_pb2.Business(id=owner, identity_secret=secret)
    run(_update_business(service, wanted, ["identity_secret"]), service)
    if remove:
        typer.echo(f"{owner} has no identity secret.")
    else:
        _show(business=owner, secret=secret)


def _in_words(business: account_service_pb2.Business) -> dict[str, str]:
    """Return what settings of a business mean, by their fields."""
    confirmed = "what pages alone tell counts as reported"
    if business.HasField("confirmed_from"):
        confirmed = (
            f"what pages alone tell is unconfirmed from {to_rfc3339(from_timestamp(business.confirmed_from))} on"
        )
    return {
        "rate_factor": f"{business.rate_factor:g} times the usual rate limits",
        "confirmed_from": confirmed,
        "page_amount_ceiling": f"pages are believed up to {business.page_amount_ceiling:,} of any currency",
    }


def _confirmed_from(text: str | None) -> Timestamp | None:
    """Return the time that an option names; None where it names none, or `never`."""
    if text in (None, "never"):
        return None
    return now_timestamp() if text == "now" else time_of("--confirmed-from", text)


async def _create_business(service: Endpoint, business: account_service_pb2.Business) -> tuple[str, str]:
    async with channel_to(service) as channel:
        answer = await account_service_pb2_grpc.AccountServiceStub(channel).CreateBusiness(
            account_service_pb2.CreateBusinessRequest(business=business), timeout=DEADLINE_SECONDS, wait_for_ready=True
        )
    return answer.business.id, await _create_token(service, answer.business.id, "first")


async def _update_business(
    service: Endpoint, business: account_service_pb2.Business, fields: list[str]
) -> account_service_pb2.Business:
    request = account_service_pb2.UpdateBusinessRequest(business=business, update_mask=FieldMask(paths=fields))
    async with channel_to(service) as channel:
        answer = await account_service_pb2_grpc.AccountServiceStub(channel).UpdateBusiness(
            request, timeout=DEADLINE_SECONDS, wait_for_ready=True
        )
    return answer.business


async def _create_token(service: Endpoint, business: str, name: str) -> str:
    async with channel_to(service) as channel:
        answer = await account_service_pb2_grpc.AccountServiceStub(channel).CreateToken(
            account_service_pb2.CreateTokenRequest(business_id=business, name=name),
            timeout=DEADLINE_SECONDS,
            wait_for_ready=True,
        )
    return answer.token.token


def _show(**values: str) -> None:
    """Print names and values in columns: easy to read, and to cut."""
    for name, value in values.items():
        typer.echo(f"{name:<10}{value}")
    Console(stderr=True).print("[dim]It is shown this once: keep it safe.[/dim]")
