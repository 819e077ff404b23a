"""Has hits of before be what they are by the rules of now."""

from typing import Annotated

import typer

from cli.addresses import DataDir, Endpoint, KeyFile, Tracking, tracking_endpoint
from cli.calls import channel_to, reached, run
from cli.terminal import TextTable, console, show_json
from cli.times import time_of
from clicktrail.tracking.v1 import judgement_service_pb2 as pb
from clicktrail.tracking.v1 import judgement_service_pb2_grpc
from common.clock import from_timestamp, to_rfc3339

# Some thousand hits a second, while everything goes on.
DEADLINE_SECONDS = 24 * 3600.0
# Hits between two lines that tell how far it is.
_TOLD_EACH = 50_000


def rejudge(  # noqa: PLR0913  (options of a command)
    *,
    start: Annotated[str, typer.Option("--from", help="Hits from this time on.", metavar="ISO-8601")],
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")] = False,
    business: Annotated[
        str | None, typer.Option(help="Only those of this business.", metavar="ID", show_default="all")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Judge again, by the rules of now, who hits came from: a person, or a preview, a crawler or a scanner.

    For after an upgrade whose rules are better. Counters, first clicks, sessions and credits follow; what was said
    first is kept. Hits without a user agent (of erased people, or sent without one), prefetches and HEAD requests stay
    what they are, and so do those of months that are kept no longer. Safe to interrupt, to repeat and to run twice at
    once, while everything goes on. Times without a zone are in UTC.
    """
    request = pb.RejudgeRequest(from_time=time_of("--from", start), dry_run=is_dry, business_id=business)
    service = tracking_endpoint(tracking, data_dir, key_file)
    told = run(_ask(service, request), service)
    if as_json:
        show_json(told)
        return
    if told.changes:
        console.print(_table(told))
    typer.echo(_summary(told, is_dry=is_dry))
    if told.HasField("kept_from") and from_timestamp(told.kept_from) > from_timestamp(request.from_time):
        since = to_rfc3339(from_timestamp(told.kept_from))
        typer.echo(f"Hits are kept since {since}: those from before were dropped, and stay as they were judged.")


async def _ask(service: Endpoint, request: pb.RejudgeRequest) -> pb.RejudgeResponse:
    answer = pb.RejudgeResponse()
    told = 0
    async with channel_to(service) as channel:
        stub = judgement_service_pb2_grpc.JudgementServiceStub(await reached(channel, service))
        async for answer in stub.Rejudge(request, timeout=DEADLINE_SECONDS, wait_for_ready=True):
            if answer.looked_at >= told + _TOLD_EACH:
                told = answer.looked_at
                typer.echo(f"{answer.looked_at:,} hits looked at, {answer.changed:,} changed", err=True)
    return answer


def _table(told: pb.RejudgeResponse) -> TextTable:
    table = TextTable("Judged again", "was", "is", "because", "hits")
    for each in told.changes:
        table.add_texts(each.before, each.after, each.reason, f"{each.hits:,}")
    return table


def _summary(told: pb.RejudgeResponse, *, is_dry: bool) -> str:
    became = "would be something else" if is_dry else "are something else now"
    return (
        f"{told.looked_at:,} hits of older rules looked at by version {told.rules_version}: {told.changed:,} {became}."
    )
