"""Shows what was taken in and could not be stored."""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.addresses import DataDir, Endpoint, KeyFile, Tracking, tracking_endpoint
from cli.calls import DEADLINE_SECONDS, channel_to, run
from cli.terminal import TextTable, console, show_json
from clicktrail.tracking.v1 import rejection_service_pb2 as pb
from clicktrail.tracking.v1 import rejection_service_pb2_grpc
from common.clock import from_timestamp, to_rfc3339


def rejected(  # noqa: PLR0913  (options of a command)
    *,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 100,
    before: Annotated[
        int | None, typer.Option(help="Only those older than the one with this number.", metavar="NUMBER")
    ] = None,
    business: Annotated[
        str | None, typer.Option(help="Only those of this business.", metavar="ID", show_default="all")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """List events, clicks, links and sessions that were taken in and could not be stored, newest first.

    Their messages are kept, as bytes of the protos, in the table `rejected`.
    """
    request = pb.ListRejectionsRequest(business_id=business, limit=limit, before=before)
    service = tracking_endpoint(tracking, data_dir, key_file)
    found = run(_ask(service, request), service)
    if as_json:
        show_json(found)
        return
    if not found.rejections:
        typer.echo("Nothing was set aside.")
        return
    console.print(_table(found.rejections))
    if found.has_more:
        typer.echo(f"There are older ones: --before {found.rejections[-1].number}")


async def _ask(service: Endpoint, request: pb.ListRejectionsRequest) -> pb.ListRejectionsResponse:
    async with channel_to(service) as channel:
        return await rejection_service_pb2_grpc.RejectionServiceStub(channel).ListRejections(
            request, timeout=DEADLINE_SECONDS, wait_for_ready=True
        )


def _table(rejections: Iterable[pb.Rejection]) -> TextTable:
    table = TextTable("Set aside", "number", "when", "kind", "id", "business", "reason")
    for each in rejections:
        at = to_rfc3339(from_timestamp(each.rejected_at))
        table.add_texts(str(each.number), at, each.kind, each.id, each.business_id, each.reason)
    return table
