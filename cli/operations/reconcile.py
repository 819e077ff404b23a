"""Recounts what counters and attribution say, and shows where they differ from the rows behind them."""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.addresses import Business, DataDir, Endpoint, KeyFile, Tracking, business_id, tracking_endpoint
from cli.calls import channel_to, reached, run
from cli.failures import CommandFailed
from cli.terminal import TextTable, console, show_json
from cli.times import time_of
from clicktrail.tracking.v1 import report_service_pb2 as pb
from clicktrail.tracking.v1 import report_service_pb2_grpc
from common.clock import from_timestamp, to_rfc3339

# It reads all rows of a business.
DEADLINE_SECONDS = 3600.0
# More would scroll by; `--json` has all of them.
_SHOWN = 100


def reconcile(  # noqa: PLR0913  (options of a command)
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="The start, on a quarter of an hour.", metavar="ISO-8601")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The end, excluded.", metavar="ISO-8601")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every difference.")] = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Count a business again from its clicks, events and links, and compare with every counter and all attribution.

    Changes nothing, and may run while everything goes on. Exits with 1 where anything differs. Times without a zone are
    in UTC.
    """
    request = pb.ReconcileRequest(business_id=business_id(business, data_dir))
    if start:
        request.from_time.CopyFrom(time_of("--from", start))
    if end:
        request.to_time.CopyFrom(time_of("--to", end))
    service = tracking_endpoint(tracking, data_dir, key_file)
    found = run(_ask(service, request), service)
    if as_json:
        show_json(found)
    elif found.differences:
        console.print(_table(found.differences[:_SHOWN]))
    if found.differences:
        more = "more than " if found.has_more else ""
        raise CommandFailed(f"{more}{len(found.differences):,} differences in {_looked_at(found)}.")
    if not as_json:
        typer.echo(f"All counters agree: {_looked_at(found)}.")


async def _ask(service: Endpoint, request: pb.ReconcileRequest) -> pb.ReconcileResponse:
    async with channel_to(service) as channel:
        stub = report_service_pb2_grpc.ReportServiceStub(await reached(channel, service))
        return await stub.Reconcile(request, timeout=DEADLINE_SECONDS, wait_for_ready=True)


def _looked_at(found: pb.ReconcileResponse) -> str:
    since = f" since {to_rfc3339(from_timestamp(found.from_time))}" if found.HasField("from_time") else ""
    waiting = f"; {found.waiting:,} visitors wait for attribution" if found.waiting else ""
    return f"{found.figures:,} figures and {found.events:,} events{since}{waiting}"


def _table(differences: Iterable[pb.Difference]) -> TextTable:
    table = TextTable("Differences", "counter", "figure", "of", "kept", "recounted")
    for each in differences:
        key = ", ".join(f"{part.name} {part.value}" for part in each.key if part.value)
        is_figure = bool(each.figure)
        kept, recounted = (
            (f"{each.counted:,}", f"{each.recounted:,}") if is_figure else (each.credited, each.decided or "-")
        )
        table.add_texts(each.counter, each.figure or "-", key, kept, recounted)
    return table
