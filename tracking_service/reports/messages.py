"""Reports, recipients and recounts to messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from clicktrail.tracking.v1 import report_service_pb2 as pb
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC
from clicktrail.tracking.v1.refused_request_service_pb2 import RefusedRequests as RefusedRequestsMessage
from common.clock import to_timestamp
from tracking_service.messages import money_message
from tracking_service.reconciliation.reconciliation import CounterDifference, Difference, Recount
from tracking_service.refused_requests.refused_requests import RefusedRequests
from tracking_service.reports.range import Basis, Interval
from tracking_service.reports.recipients import Recipient
from tracking_service.reports.report import Earned, Figures, Report, ValueSum

SCOPES: tuple[Literal["campaign", "journey", "message", "link"], ...] = ("campaign", "journey", "message", "link")
INTERVAL_MESSAGES = {Interval.HOUR: pb.REPORT_INTERVAL_HOUR, Interval.DAY: pb.REPORT_INTERVAL_DAY}
BASIS_MESSAGES = {Basis.EVENT: pb.REPORT_BASIS_EVENT, Basis.COHORT: pb.REPORT_BASIS_COHORT}

_LARGEST = 2**63 - 1
CREDITS = "credits"


def recipient_message(recipient: Recipient) -> pb.RecipientActivity:
    """Return a recipient as it is answered."""
    first = recipient.first
    message = pb.RecipientActivity(
        profile=recipient.profile,
        name=recipient.name,
        link=recipient.link,
        clicks=recipient.clicks,
        conversions=recipient.conversions,
        revenue=map(money_message, recipient.revenue),
        taken_back=map(money_message, recipient.taken_back),
    )
    if first is not None:
        message.first_clicked_at.CopyFrom(to_timestamp(first.clicked_at))
        message.device, message.browser = first.device, first.browser
        message.os, message.country = first.os, first.country
    return message


def report_message(report: Report) -> pb.Report:
    """Return a report as it is answered."""
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
        refused_requests=map(_refused, report.refused),
    )


def _refused(refused: RefusedRequests) -> RefusedRequestsMessage:
    credential = CREDENTIAL_PRIVATE if refused.is_private else CREDENTIAL_PUBLIC
    return RefusedRequestsMessage(kind=refused.kind, credential=credential, count=refused.requests)


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
        clicked_recipients=totals.clicked_recipients,
        confirmed=_earned(totals.confirmed),
        reported=_earned(totals.reported),
        unconfirmed=_earned(totals.unconfirmed),
    )


def _earned(earned: Earned) -> pb.Earned:
    return pb.Earned(conversions=earned.conversions, revenue=map(money_message, earned.revenue.amounts()))


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
        clicked_recipients=figures.clicked_recipients,
        confirmed=_earned(figures.confirmed),
        reported=_earned(figures.reported),
        unconfirmed=_earned(figures.unconfirmed),
    )


def _values(values: Iterable[ValueSum]) -> list[pb.BreakdownValue]:
    return [
        pb.BreakdownValue(value=one.value, clicks=one.clicks, unique_clickers=one.unique_clickers) for one in values
    ]


def recount_message(recount: Recount) -> pb.ReconcileResponse:
    """Return a recount as it is answered."""
    return pb.ReconcileResponse(
        differences=[_difference(difference) for difference in recount.differences],
        has_more=recount.has_more,
        figures=recount.figures,
        events=recount.events,
        waiting=recount.waiting,
        from_time=None if recount.from_at is None else to_timestamp(recount.from_at),
    )


def _difference(difference: Difference) -> pb.Difference:
    key = [pb.DifferenceKey(name=name, value=value) for name, value in difference.key]
    if isinstance(difference, CounterDifference):
        return pb.Difference(
            counter=difference.counter,
            figure=difference.figure,
            key=key,
            counted=_within(difference.counted),
            recounted=_within(difference.recounted),
        )
    return pb.Difference(counter=CREDITS, key=key, credited=difference.credited, decided=difference.decided)


def _within(value: int) -> int:
    """Return a sum as far as 64 bits can say it."""
    return max(-_LARGEST, min(value, _LARGEST))
