"""Shows what a campaign, a journey, a message or a link did."""

from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.addresses import Business, DataDir, Endpoint, KeyFile, Tracking, business_id, tracking_endpoint
from cli.calls import DEADLINE_SECONDS, channel_to, run
from cli.failures import CommandFailed, ExitCode
from cli.reports.tables import show_report
from cli.terminal import show_json
from cli.times import time_of
from clicktrail.tracking.v1 import report_service_pb2, report_service_pb2_grpc


class Interval(StrEnum):
    """The width of a point of the series."""

    HOUR = "hour"
    DAY = "day"


_INTERVALS = {
    None: report_service_pb2.REPORT_INTERVAL_UNSPECIFIED,
    Interval.HOUR: report_service_pb2.REPORT_INTERVAL_HOUR,
    Interval.DAY: report_service_pb2.REPORT_INTERVAL_DAY,
}


def report(  # noqa: PLR0913  (options of a command)
    *,
    campaign: Annotated[str | None, typer.Option(help="Report on this campaign.")] = None,
    journey: Annotated[str | None, typer.Option(help="Report on this journey.")] = None,
    message: Annotated[str | None, typer.Option(help="Report on this message.")] = None,
    link: Annotated[str | None, typer.Option(help="Report on this link.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="The start, on a quarter of an hour.", metavar="ISO-8601")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The end, excluded.", metavar="ISO-8601")] = None,
    timezone: Annotated[str, typer.Option(help="The time zone of the series, and of times without one.")] = "UTC",
    interval: Annotated[
        Interval | None, typer.Option(help="The width of a point.", show_default="hour up to 7 days, else day")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the HTTP API does.")] = False,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Show clicks, clickers, events and revenue of a campaign, journey, message or link, or of the whole business."""
    request = report_service_pb2.GetReportRequest(
        business_id=business_id(business, data_dir),
        campaign=campaign,
        journey=journey,
        message=message,
        link=link,
        timezone=timezone,
        interval=_INTERVALS[interval],
    )
    zone = _zone(timezone)
    if start:
        request.from_time.CopyFrom(time_of("--from", start, zone))
    if end:
        request.to_time.CopyFrom(time_of("--to", end, zone))
    service = tracking_endpoint(tracking, data_dir, key_file)
    found = run(fetch_report(service, request), service)
    if as_json:
        show_json(found)
    else:
        show_report(found)


async def fetch_report(service: Endpoint, request: report_service_pb2.GetReportRequest) -> report_service_pb2.Report:
    """Ask tracking for a report."""
    async with channel_to(service) as channel:
        answer = await report_service_pb2_grpc.ReportServiceStub(channel).GetReport(
            request, timeout=DEADLINE_SECONDS, wait_for_ready=True
        )
    return answer.report


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandFailed(f"--timezone: {name!r} is no time zone, such as Europe/Berlin.", ExitCode.USAGE) from None
