"""ReportService: messages to reports, and back."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from clicktrail.tracking.v1 import report_service_pb2 as pb
from clicktrail.tracking.v1 import report_service_pb2_grpc
from common.clock import to_timestamp
from common.errors import invalid_field
from tracking_service.messages import money_message
from tracking_service.reconciliation import Reconciliation
from tracking_service.reconciliation_messages import recount_message
from tracking_service.report import Figures, Report, ValueSum
from tracking_service.report_range import Basis, Interval, WantedRange
from tracking_service.reports import Reports, scope_from
from tracking_service.requests import check_texts, time_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

SCOPES: tuple[Literal["campaign", "journey", "message", "link"], ...] = ("campaign", "journey", "message", "link")
INTERVALS = {
    pb.REPORT_INTERVAL_UNSPECIFIED: None,
    pb.REPORT_INTERVAL_HOUR: Interval.HOUR,
    pb.REPORT_INTERVAL_DAY: Interval.DAY,
}
INTERVAL_MESSAGES = {interval: message for message, interval in INTERVALS.items()}
BASES = {
    pb.REPORT_BASIS_UNSPECIFIED: Basis.EVENT,
    pb.REPORT_BASIS_EVENT: Basis.EVENT,
    pb.REPORT_BASIS_COHORT: Basis.COHORT,
}
BASIS_MESSAGES = {Basis.EVENT: pb.REPORT_BASIS_EVENT, Basis.COHORT: pb.REPORT_BASIS_COHORT}


class ReportServicer(report_service_pb2_grpc.ReportServiceServicer):
    """Serves reports."""

    def __init__(self, reports: Reports, reconciliation: Reconciliation) -> None:
        self._reports = reports
        self._reconciliation = reconciliation

    async def GetReport(self, request: pb.GetReportRequest, _context: "Context") -> pb.GetReportResponse:
        """Report on a scope."""
        check_texts(request)
        wanted = _wanted(request)
        scope = scope_from({kind: getattr(request, kind) for kind in SCOPES if request.HasField(kind)})
        report = await self._reports.report(request.business_id, scope, wanted)
        return pb.GetReportResponse(report=_to_message(report))

    async def WatchReport(
        self, _request: pb.WatchReportRequest, _context: "Context"
    ) -> AsyncIterator[pb.WatchReportResponse]:
        """Send a report whenever it has changed."""
        raise NotImplementedError
        yield  # A stream, of nothing so far.

    async def Reconcile(self, request: pb.ReconcileRequest, _context: "Context") -> pb.ReconcileResponse:
        """Count a range again."""
        check_texts(request)
        from_at = time_from(request.from_time, "from") if request.HasField("from_time") else None
        to_at = time_from(request.to_time, "to") if request.HasField("to_time") else None
        return recount_message(await self._reconciliation.recount(request.business_id, from_at, to_at))


def _wanted(request: pb.GetReportRequest) -> WantedRange:
    if request.interval not in INTERVALS:
        raise invalid_field("interval", "It must be `hour` or `day`.")
    if request.basis not in BASES:
        raise invalid_field("basis", "It must be `event` or `cohort`.")
    return WantedRange(
        from_at=_time(request, "from_time", "from"),
        to_at=_time(request, "to_time", "to"),
        timezone=request.timezone or "UTC",
        interval=INTERVALS[request.interval],
        basis=BASES[request.basis],
    )


def _time(request: pb.GetReportRequest, field: Literal["from_time", "to_time"], parameter: str) -> datetime | None:
    return time_from(getattr(request, field), parameter) if request.HasField(field) else None


def _to_message(report: Report) -> pb.Report:
    kind, scope_id = report.scope
    return pb.Report(
        **({kind: scope_id} if kind in SCOPES else {}),
        from_time=to_timestamp(report.range.from_at),
        to_time=to_timestamp(report.range.to_at),
        timezone=report.range.timezone,
        basis=BASIS_MESSAGES[report.range.basis],
        interval=INTERVAL_MESSAGES[report.range.interval],
        totals=totals_message(report),
        events=[
            pb.ActionCount(action=one.action, count=one.count, revenue=map(money_message, one.revenue))
            for one in report.events
        ],
        series=[_point(start, figures) for start, figures in report.series],
        breakdowns=pb.Breakdowns(**{dimension: _values(values) for dimension, values in report.breakdowns.items()}),
    )


def totals_message(report: Report) -> pb.Totals:
    """Return the figures of a report's whole range."""
    totals = report.totals
    return pb.Totals(
        recipients=report.recipients,
        clicks=totals.clicks,
        unique_clickers=totals.unique_clickers,
        click_through_rate=report.click_through_rate,
        bot_hits=totals.bot_hits,
        sessions=totals.sessions,
        conversions=totals.conversions,
        conversion_rate=report.conversion_rate,
        revenue=map(money_message, totals.revenue.amounts()),
        taken_back=map(money_message, totals.taken_back.amounts()),
        time_to_click=totals.time_to_click,
        time_to_conversion=totals.time_to_conversion,
    )


def _point(start: datetime, figures: Figures) -> pb.Point:
    return pb.Point(
        time=to_timestamp(start),
        clicks=figures.clicks,
        unique_clickers=figures.unique_clickers,
        bot_hits=figures.bot_hits,
        conversions=figures.conversions,
        revenue=map(money_message, figures.revenue.amounts()),
        taken_back=map(money_message, figures.taken_back.amounts()),
        sessions=figures.sessions,
    )


def _values(values: Iterable[ValueSum]) -> list[pb.BreakdownValue]:
    return [
        pb.BreakdownValue(value=one.value, clicks=one.clicks, unique_clickers=one.unique_clickers) for one in values
    ]
