"""ReportService: messages to reports, and back."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from clicktrail.tracking.v1 import report_service_pb2 as pb
from clicktrail.tracking.v1 import report_service_pb2_grpc
from common.errors import invalid_field
from tracking_service.counters.scopes import Scope
from tracking_service.messages import check_texts, time_from
from tracking_service.reconciliation.reconciliation import Reconciliation
from tracking_service.reports.messages import SCOPES, recipient_message, recount_message, report_message
from tracking_service.reports.range import Basis, Interval, WantedRange
from tracking_service.reports.recipients import Recipients
from tracking_service.reports.reports import Reports, scope_from
from tracking_service.reports.watch import ReportWatch

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

INTERVALS = {
    pb.REPORT_INTERVAL_UNSPECIFIED: None,
    pb.REPORT_INTERVAL_HOUR: Interval.HOUR,
    pb.REPORT_INTERVAL_DAY: Interval.DAY,
}
BASES = {
    pb.REPORT_BASIS_UNSPECIFIED: Basis.EVENT,
    pb.REPORT_BASIS_EVENT: Basis.EVENT,
    pb.REPORT_BASIS_COHORT: Basis.COHORT,
}


class ReportServicer(report_service_pb2_grpc.ReportServiceServicer):
    """Serves reports."""

    def __init__(
        self, reports: Reports, watch: ReportWatch, recipients: Recipients, reconciliation: Reconciliation
    ) -> None:
        self._reports = reports
        self._watch = watch
        self._recipients = recipients
        self._reconciliation = reconciliation

    async def GetReport(self, request: pb.GetReportRequest, _context: "Context") -> pb.GetReportResponse:
        """Report on a scope."""
        check_texts(request)
        report = await self._reports.report(request.business_id, _scope(request), _wanted(request))
        return pb.GetReportResponse(report=report_message(report))

    async def WatchReport(
        self, request: pb.WatchReportRequest, _context: "Context"
    ) -> AsyncIterator[pb.WatchReportResponse]:
        """Send a report at once, and whenever it has changed."""
        wished = request.report
        check_texts(wished)
        reports = self._watch.watch(wished.business_id, _scope(wished), _wanted(wished))
        async with aclosing(reports):
            async for report in reports:
                yield pb.WatchReportResponse(report=report_message(report))

    async def ListRecipients(
        self, request: pb.ListRecipientsRequest, _context: "Context"
    ) -> AsyncIterator[pb.ListRecipientsResponse]:
        """List the recipients of a scope."""
        check_texts(request)
        async for piece in self._recipients.pieces(request.business_id, _scope(request)):
            yield pb.ListRecipientsResponse(recipients=map(recipient_message, piece))

    async def Reconcile(self, request: pb.ReconcileRequest, _context: "Context") -> pb.ReconcileResponse:
        """Count a range again."""
        check_texts(request)
        from_at = time_from(request.from_time, "from") if request.HasField("from_time") else None
        to_at = time_from(request.to_time, "to") if request.HasField("to_time") else None
        return recount_message(await self._reconciliation.recount(request.business_id, from_at, to_at))


def _scope(request: pb.GetReportRequest | pb.ListRecipientsRequest) -> Scope:
    return scope_from({kind: getattr(request, kind) for kind in SCOPES if request.HasField(kind)})


def _wanted(request: pb.GetReportRequest) -> WantedRange:
    if request.interval not in INTERVALS:
        raise invalid_field("interval", "must be `hour` or `day`.")
    if request.basis not in BASES:
        raise invalid_field("basis", "must be `event` or `cohort`.")
    return WantedRange(
        from_at=_time(request, "from_time", "from"),
        to_at=_time(request, "to_time", "to"),
        timezone=request.timezone or "UTC",
        interval=INTERVALS[request.interval],
        basis=BASES[request.basis],
    )


def _time(request: pb.GetReportRequest, field: Literal["from_time", "to_time"], parameter: str) -> datetime | None:
    return time_from(getattr(request, field), parameter) if request.HasField(field) else None
