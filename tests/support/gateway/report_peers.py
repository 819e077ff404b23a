"""The small services of reports: live ones, recipients, and signed links."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1 import refused_request_service_pb2 as refused
from clicktrail.tracking.v1 import refused_request_service_pb2_grpc, report_page_service_pb2_grpc
from clicktrail.tracking.v1 import report_page_service_pb2 as pages
from clicktrail.tracking.v1 import report_service_pb2 as pb
from common.errors import ClicktrailError, Fault, FaultType, Kind, Reason
from tests.support.gateway.peer import BUSINESS, Context, Peer
from tests.support.gateway.tracking_peers import Reports

SIGNATURE = "1799999999.shop.signed"
# Judgements are remembered for a moment: what becomes of this one must not concern other tests.
REVOKED_SIGNATURE = "1799999999.shop.revoked"
PIECES = 3


class LiveReports(Reports):
    """Sends a report of as many clicks as the test says, whenever it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.clicks = 1
        self.watching = 0
        self.breaks_in_the_middle = False
        self._changed = asyncio.Event()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.breaks_in_the_middle = False

    def change(self) -> None:
        """Count a click."""
        self.clicks += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def WatchReport(self, request: Any, context: Context) -> AsyncIterator[pb.WatchReportResponse]:  # noqa: ARG002  (gRPC passes it)
        """Send the report now and whenever it has changed."""
        self.note(request)
        self.watching += 1
        try:
            while True:
                changed = self._changed
                if self.failures:
                    raise self.failures.popleft()
                totals = pb.Totals(clicks=self.clicks)
                yield pb.WatchReportResponse(report=pb.Report(campaign=request.report.campaign, totals=totals))
                await changed.wait()
        finally:
            self.watching -= 1

    async def ListRecipients(self, request: Any, context: Context) -> AsyncIterator[pb.ListRecipientsResponse]:  # noqa: ARG002  (gRPC passes it)
        """Send pieces of recipients, one of whom has a formula for a name."""
        self.note(request)
        for piece in range(PIECES):
            if piece and self.breaks_in_the_middle:
                raise RuntimeError("the middle")
            clicked = pb.RecipientActivity(
                profile=f"p{piece}",
                name='=HYPERLINK("http://evil.example.com")',
                link="abc",
                first_clicked_at=Timestamp(seconds=1_777_863_781),
                device="mobile",
                clicks=2,
                conversions=1,
                revenue=[Money(amount="395.00", currency="USD"), Money(amount="-10", currency="JPY")],
            )
            yield pb.ListRecipientsResponse(recipients=[clicked, pb.RecipientActivity(profile=f"q{piece}")])


class ReportPages(Peer, report_page_service_pb2_grpc.ReportPageServiceServicer):
    """Knows two signatures, one of them until it is revoked."""

    def __init__(self) -> None:
        super().__init__()
        self.is_revoked = False

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.is_revoked = False

    async def OpenReportLink(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Judge a signature."""
        self.note(request)
        if request.signature not in {SIGNATURE, *(() if self.is_revoked else (REVOKED_SIGNATURE,))}:
            unknown = Fault(FaultType.UNAUTHORIZED, None, "Unknown.")
            raise ClicktrailError(Kind.UNAUTHENTICATED, Reason.CREDENTIAL_UNKNOWN, [unknown])
        return pages.OpenReportLinkResponse(business_id=BUSINESS, business_name="A shop")


class RefusedRequests(Peer, refused_request_service_pb2_grpc.RefusedRequestServiceServicer):
    """Is told what the gateway refused."""

    async def RecordRefusedRequests(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Take note of counts."""
        self.note(request)
        return refused.RecordRefusedRequestsResponse()
