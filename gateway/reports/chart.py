"""Draws the series of a report as bars: SVG that the page's own style sheet colours, without scripts."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pygal

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1.report_service_pb2 import REPORT_INTERVAL_HOUR, Point, Report
from common.clock import from_timestamp
from gateway.reports.wording import point

BARS_LIMIT = 48

_WIDTHS = {True: timedelta(hours=1), False: timedelta(days=1)}

# Its plug-ins are none of ours, and what it finds them with is of a form that Python warns of at every import.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

# One for phones, one for wider screens: an image that shrinks takes its letters with it.
NARROW = (350, 220, 3)
WIDE = (900, 260, 8)
"""Width, height, and how many names stand below the bars."""

TICKS = 4
# A campaign's first hour is not as wide as the page: what is yet to come stands beside it.
LEAST_BARS = 8
# What a chart needs for its script or its own style, and what the page says in a table.
_LEFT_OUT = {"defs", "desc", "script", "style", "title"}
_LAYERS = {"plot overlay", "plot text-overlay", "plot tooltip-overlay", "titles"}
_LOOKS = ("style", "rx", "ry")
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
    labels = [point(bar.starts_at, series.width) for bar in series.bars]
    every = max(1, -(-len(labels) // names))
    drawing: Any = pygal.Bar(
        width=width, height=height, css=[], js=[], no_prefix=True, show_legend=False, margin=4, spacing=6,
        x_labels_major_every=every, show_minor_x_labels=False, truncate_label=-1,
        value_formatter=lambda number: f"{number:,.0f}",
    )  # fmt: skip
    drawing.x_labels = labels + [""] * (LEAST_BARS - len(labels))
    highest = max((max(bar.clicks, bar.conversions) for bar in series.bars), default=0)
    drawing.y_labels = list(ticks(highest))
    drawing.range = (0, drawing.y_labels[-1])
    drawing.add("Clicks", [bar.clicks for bar in series.bars])
    drawing.add("People", [bar.unique_clickers for bar in series.bars])
    drawing.add("Conversions", [bar.conversions for bar in series.bars])
    return _plain(drawing.render(is_unicode=True))


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


def _plain(drawing: str) -> str:
    """Return a drawing with the marks alone, numbers short, and no attribute that a style sheet should set."""
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    root = ET.fromstring(drawing)  # noqa: S314  (we have just drawn it)
    _strip(root)
    root.attrib.pop("id", None)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return ET.tostring(root, encoding="unicode")


def _strip(element: ET.Element) -> None:
    for child in list(element):
        if child.tag.rpartition("}")[2] in _LEFT_OUT or child.get("class") in _LAYERS:
            element.remove(child)
            continue
        for name in _LOOKS:
            child.attrib.pop(name, None)
        for name, text in child.attrib.items():
            child.set(name, _short(text))
        _strip(child)


def _short(text: str) -> str:
    try:
        return f"{float(text):.1f}".removesuffix(".0")
    except ValueError:
        return text
