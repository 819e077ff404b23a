"""Signs links that open the report page without any other credential."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.addresses import Business, DataDir, Endpoint, KeyFile, Tracking, business_id, tracking_endpoint
from cli.calls import DEADLINE_SECONDS, channel_to, run
from cli.data_directory import DataDirectory
from clicktrail.tracking.v1 import report_page_service_pb2 as pb
from clicktrail.tracking.v1 import report_page_service_pb2_grpc
from common.clock import now, to_timestamp

_DEFAULT_URL = "http://localhost:8080"


def report_link(  # noqa: PLR0913  (options of a command)
    *,
    campaign: Annotated[str | None, typer.Option(help="Lead to this campaign.", show_default="the list of all")] = None,
    journey: Annotated[str | None, typer.Option(help="Lead to this journey.")] = None,
    all_reports: Annotated[
        bool, typer.Option("--all", help="Open all reports of the business, also where it leads to one.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=90, help="For how many days it opens.")] = 7,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="First make every link that was signed so far worthless.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="CLICKTRAIL_PUBLIC_URL",
            help="The service of the gateway.",
            metavar="URL",
            show_default=f"the running stack's, or {_DEFAULT_URL}",
        ),
    ] = None,
    business: Business = None,
    tracking: Tracking = None,
    data_dir: DataDir = None,
    key_file: KeyFile = None,
) -> None:
    """Print a link that opens a report in a browser, without any other credential.

    That of the campaign or journey it leads to, and no other; all of the business with `--all`, or without either.
    """
    request = pb.CreateReportLinkRequest(
        business_id=business_id(business, data_dir),
        campaign=campaign,
        journey=journey,
        all_reports=all_reports,
        # A little less than the longest that tracking allows, whose clock may differ.
        expires_at=to_timestamp(now() + timedelta(days=days) - timedelta(minutes=1)),
    )
    service = tracking_endpoint(tracking, data_dir, key_file)
    link = run(_sign(service, request, is_revoking=revoke), service)
    typer.echo(f"{_gateway(url, data_dir).rstrip('/')}{link.path}")


async def _sign(service: Endpoint, request: pb.CreateReportLinkRequest, *, is_revoking: bool) -> pb.ReportLink:
    async with channel_to(service) as channel:
        stub = report_page_service_pb2_grpc.ReportPageServiceStub(channel)
        if is_revoking:
            revocation = pb.RevokeReportLinksRequest(business_id=request.business_id)
            await stub.RevokeReportLinks(revocation, timeout=DEADLINE_SECONDS, wait_for_ready=True)
        answer = await stub.CreateReportLink(request, timeout=DEADLINE_SECONDS, wait_for_ready=True)
    return answer.report_link


def _gateway(given: str | None, data_dir: Path | None) -> str:
    if given:
        return given
    return DataDirectory(data_dir).read_ready().http if data_dir else _DEFAULT_URL
