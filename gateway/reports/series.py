"""Joins the points of a series, so that there are never more than a chart can show and a page should carry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1.report_service_pb2 import REPORT_INTERVAL_HOUR, Point, Report
from common.clock import from_timestamp

BARS_LIMIT = 48

_WIDTHS = {True: timedelta(hours=1), False: timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Bar:
    """Some points as one."""

    starts_at: datetime
    """In the time zone of the report."""
    clicks: int
    unique_clickers: int
    conversions: int
    revenue: list[Money]


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of a report, each as wide as the others but perhaps the last."""

    bars: list[Bar]
    width: timedelta


def series_of(report: Report) -> Series:
    """Return the series of a report in at most 48 bars. Clicks, people and conversions of points may be added up."""
    zone = ZoneInfo(report.timezone or "UTC")
    points = report.series
    size = max(1, -(-len(points) // BARS_LIMIT))
    bars = [_bar(points[start : start + size], zone) for start in range(0, len(points), size)]
    return Series(bars, _WIDTHS[report.interval == REPORT_INTERVAL_HOUR] * size)


def _bar(points: Sequence[Point], zone: ZoneInfo) -> Bar:
    return Bar(
        from_timestamp(points[0].time).astimezone(zone),
        sum(point.clicks for point in points),
        sum(point.unique_clickers for point in points),
        sum(point.conversions for point in points),
        _sum(one for point in points for one in point.revenue),
    )


def _sum(amounts: Iterable[Money]) -> list[Money]:
    sums: dict[str, Decimal] = {}
    for one in amounts:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + Decimal(one.amount)
    return [Money(amount=f"{amount:f}", currency=currency) for currency, amount in sorted(sums.items()) if amount]
