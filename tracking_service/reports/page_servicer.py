"""ReportPageService: messages to the report page's use cases, and back."""

from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import report_page_service_pb2 as pb
from clicktrail.tracking.v1 import report_page_service_pb2_grpc
from clicktrail.tracking.v1.profile_service_pb2 import ACTIVITY_INCLUSION_ALL
from common.clock import to_timestamp
from tracking_service.counters.scopes import Scope
from tracking_service.messages import check_texts, time_from
from tracking_service.postgres.pages import page_of
from tracking_service.profiles.messages import activity_message
from tracking_service.reports.messages import totals_message
from tracking_service.reports.page import ReportPage, ReportScope, place_from
from tracking_service.reports.page_store import LatestActivity

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]


class ReportPageServicer(report_page_service_pb2_grpc.ReportPageServiceServicer):
    """Serves signed links to reports, and the page's lists."""

    def __init__(self, page: ReportPage) -> None:
        self._page = page

    async def CreateReportLink(
        self, request: pb.CreateReportLinkRequest, _context: "Context"
    ) -> pb.CreateReportLinkResponse:
        """Sign a link."""
        check_texts(request)
        created = await self._page.create_link(
            request.business_id,
            _place(request),
            time_from(request.expires_at, "expires_at") if request.HasField("expires_at") else None,
            opens_all=request.all_reports,
        )
        link = pb.ReportLink(
            path=created.path,
            signature=created.signature,
            expires_at=to_timestamp(created.expires_at),
            all_reports=created.opens_all,
        )
        return pb.CreateReportLinkResponse(report_link=link)

    async def RevokeReportLinks(
        self, request: pb.RevokeReportLinksRequest, _context: "Context"
    ) -> pb.RevokeReportLinksResponse:
        """Make all links of a business worthless."""
        check_texts(request)
        await self._page.revoke_links(request.business_id)
        return pb.RevokeReportLinksResponse()

    async def OpenReportLink(self, request: pb.OpenReportLinkRequest, _context: "Context") -> pb.OpenReportLinkResponse:
        """Judge a signature."""
        check_texts(request)
        opened = await self._page.open(request.signature, _place(request))
        return pb.OpenReportLinkResponse(
            business_id=opened.business_id,
            business_name=opened.business_name,
            expires_at=to_timestamp(opened.expires_at),
            is_of_one_report=not opened.opens_all,
        )

    async def ListScopes(self, request: pb.ListScopesRequest, _context: "Context") -> pb.ListScopesResponse:
        """List campaigns and journeys."""
        check_texts(request)
        limit = page_of(request.limit, None, None).limit
        scopes, has_more = await self._page.scopes(request.business_id, limit, request.offset)
        return pb.ListScopesResponse(scopes=[_scope(one) for one in scopes], has_more=has_more)

    async def ListLatestActivities(
        self, request: pb.ListLatestActivitiesRequest, _context: "Context"
    ) -> pb.ListLatestActivitiesResponse:
        """List what happened last."""
        check_texts(request)
        found = await self._page.latest(
            request.business_id,
            _place(request),
            page_of(request.limit, None, None).limit,
            with_programs=request.include == ACTIVITY_INCLUSION_ALL,
        )
        return pb.ListLatestActivitiesResponse(activities=[_activity(one) for one in found])


def _place(
    request: pb.CreateReportLinkRequest | pb.OpenReportLinkRequest | pb.ListLatestActivitiesRequest,
) -> Scope:
    return place_from(
        request.campaign if request.HasField("campaign") else None,
        request.journey if request.HasField("journey") else None,
    )


def _scope(found: ReportScope) -> pb.ReportScope:
    kind, scope_id = found.scope
    return pb.ReportScope(
        campaign=scope_id if kind == "campaign" else None,
        journey=scope_id if kind == "journey" else None,
        newest_link_at=to_timestamp(found.newest_link_at),
        totals=totals_message(found.totals),
    )


def _activity(latest: LatestActivity) -> pb.LatestActivity:
    return pb.LatestActivity(
        activity=activity_message(latest.activity), profile=latest.profile, profile_name=latest.profile_name
    )
