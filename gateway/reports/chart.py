"""Draws the series of a report as bars: SVG that the page's own style sheet colours, without scripts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from zoneinfo import ZoneInfo

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1.report_service_pb2 import REPORT_INTERVAL_HOUR, Point, Report
from common.clock import from_timestamp
from gateway.reports.wording import count, point
from gateway.templating import filled

BARS_LIMIT = 48

_WIDTHS = {True: timedelta(hours=1), False: timedelta(days=1)}

# One for phones, one for wider screens: an image that shrinks takes its letters with it.
NARROW = (350, 220, 3)
WIDE = (900, 260, 8)
"""Width, height, and how many names stand below the bars."""

TICKS = 4
# A campaign's first hour is not as wide as the page: what is yet to come stands beside it.
LEAST_BARS = 8
# In the units of a drawing, as wide as the widest figures that a system's own fonts have at the size of its letters.
_DIGIT_WIDTH, _GAP, _NAMES_HEIGHT = 7.5, 8, 24
# Of the room of a bar: what is free before its three columns, from one of them to the next, and how wide each is.
_BEFORE, _APART, _COLUMN = 0.08, 0.29, 0.26
_STEPS = (1, 2, 5)


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


def chart(series: Series, size: tuple[int, int, int]) -> str:
    """Return the drawing of clicks, people and conversions, to stand in a page. Screen readers pass it over."""
    width, height, names = size
    columns = [(bar.clicks, bar.unique_clickers, bar.conversions) for bar in series.bars]
    marks = ticks(max((max(counts) for counts in columns), default=0))
    left = _GAP + _DIGIT_WIDTH * max(len(count(mark)) for mark in marks)
    room = (width - left) / max(len(columns), LEAST_BARS)
    plot = _Plot(left, _GAP, height - _NAMES_HEIGHT, room, marks[-1])
    every = max(1, -(-len(columns) // names))
    return filled(
        "chart.svg",
        width=width,
        height=height,
        left=_number(left),
        marks=[(_number(plot.y(mark)), count(mark)) for mark in marks],
        names=[
            (_number(plot.x(at, 0.5)), point(bar.starts_at, series.width))
            for at, bar in enumerate(series.bars)
            if at % every == 0
        ],
        names_y=height - 5,
        column_width=_number(room * _COLUMN),
        layers=[plot.columns(which, counts) for which, counts in enumerate(zip(*columns, strict=True))],
    ).decode()


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where things stand in a drawing."""

    left: float
    top: float
    bottom: float
    room: float
    """How wide each bar may be."""
    highest: int

    def x(self, bar: int, share: float) -> float:
        """Return where a share of a bar's room ends."""
        return self.left + (bar + share) * self.room

    def y(self, number: int) -> float:
        """Return how low a number stands."""
        return self.bottom - (self.bottom - self.top) * number / self.highest

    def columns(self, which: int, counts: Iterable[int]) -> list[tuple[str, str, str]]:
        """Return x, y and height of the first, second or third column of each bar that has one."""
        start = _BEFORE + which * _APART
        return [
            (_number(self.x(bar, start)), _number(self.y(number)), _number(self.bottom - self.y(number)))
            for bar, number in enumerate(counts)
            if number > 0
        ]


def _number(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def ticks(highest: int) -> Sequence[int]:
    """Return the marks of an axis of whole numbers from 0 up to the highest at least: about four, all round."""
    step = next(step for step in _round_numbers() if step * TICKS >= max(highest, 1))
    below = takewhile(lambda mark: mark < highest, (step * number for number in range(TICKS + 1)))
    marks = list(below) or [0]
    return [*marks, marks[-1] + step]


def _round_numbers() -> Iterator[int]:
    power = 1
    while True:
        yield from (step * power for step in _STEPS)
        power *= 10
