"""What a report page shows, without a server."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.common.v1.types_pb2 import Money
from clicktrail.tracking.v1.profile_service_pb2 import Activity
from clicktrail.tracking.v1.report_page_service_pb2 import LatestActivity
from clicktrail.tracking.v1.report_service_pb2 import (
    REPORT_INTERVAL_DAY,
    Breakdowns,
    BreakdownValue,
    Earned,
    Point,
    Report,
    Totals,
)
from common.clock import to_timestamp
from gateway.reports import wording
from gateway.reports.chart import BARS_LIMIT, NARROW, WIDE, chart, series_of, ticks
from gateway.reports.parameters import parameters_of
from gateway.reports.view import activity_row, view_of

START = datetime(2026, 3, 1, tzinfo=UTC)


def report_of(days: int, **fields: object) -> Report:
    """Return a report of so many days, with a click, a person and a dollar on each."""
    points = [
        Point(
            time=to_timestamp(START + timedelta(days=day)),
            clicks=1,
            unique_clickers=1,
            revenue=[Money(amount="1.00", currency="USD")],
        )
        for day in range(days)
    ]
    made = Report(timezone="UTC", interval=REPORT_INTERVAL_DAY, series=points, totals=Totals(clicks=days))
    made.from_time.CopyFrom(to_timestamp(START))
    made.to_time.CopyFrom(to_timestamp(START + timedelta(days=days)))
    made.MergeFrom(Report(**fields))  # type: ignore[arg-type]  # fields by name
    return made


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1395.00", "USD", "1,395.00\u00a0USD"),
        ("39500", "JPY", "39,500\u00a0JPY"),
        ("-0.125", "KWD", "\u22120.125\u00a0KWD"),
        ("92233720368547758.07", "USD", "92,233,720,368,547,758.07\u00a0USD"),
    ],
)
def test_amounts_keep_their_digits(amount: str, currency: str, written: str) -> None:
    """As many behind the point as the currency has, whatever the size."""
    assert wording.money(Money(amount=amount, currency=currency)) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"), (90_000, "1 d 1 h"), (172_805, "2 d")],
)
def test_durations_have_two_units(seconds: float, written: str) -> None:
    """The two largest."""
    assert wording.duration(seconds).replace("\u00a0", " ") == written


@pytest.mark.parametrize("days", [0, 1, 48, 49, 365, 1_000])
def test_a_series_has_few_bars_and_all_that_happened(days: int) -> None:
    """However long it is, sums stay what they are."""
    series = series_of(report_of(days))
    assert len(series.bars) <= BARS_LIMIT
    assert sum(bar.clicks for bar in series.bars) == days
    assert sum(float(one.amount) for bar in series.bars for one in bar.revenue) == days


@given(st.integers(0, 10**12))
def test_an_axis_has_few_round_marks(highest: int) -> None:
    """From 0 to the highest at least, evenly."""
    marks = ticks(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest
    assert 2 <= len(marks) <= 6
    assert {later - earlier for earlier, later in pairwise(marks)} == {marks[1]}


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_chart_is_marks_alone(size: tuple[int, int, int]) -> None:
    """No script, no style, no address; small, and passed over by screen readers."""
    drawn = chart(series_of(report_of(1_000)), size)
    assert ET.fromstring(drawn).get("aria-hidden") == "true"  # noqa: S314  (our own)
    assert len(drawn) < 30_000
    for unwanted in ("<script", "<style", "style=", "href", "http"):
        assert unwanted not in drawn


def test_columns_are_as_high_as_what_they_count() -> None:
    """Each series has a group of its own; nothing counted is nothing drawn."""
    days = [(40, 30, 10), (20, 0, 0)]
    points = [
        Point(time=to_timestamp(START + timedelta(days=day)), clicks=clicks, unique_clickers=people, conversions=orders)
        for day, (clicks, people, orders) in enumerate(days)
    ]
    drawn = ET.fromstring(chart(series_of(Report(timezone="UTC", interval=REPORT_INTERVAL_DAY, series=points)), WIDE))  # noqa: S314  (our own)
    heights = [[float(rect.get("height", "")) for rect in group] for group in drawn.iter("g")]
    whole = heights[0][0]
    assert heights == [[whole, whole / 2], [whole * 3 / 4], [whole / 4]]
    assert [text.text for text in drawn.iter("text")][-2:] == ["1 Mar", "2 Mar"]


def test_rates_are_those_of_the_report() -> None:
    """Only recipients enter them; people who came by shared links are said to be an upper bound."""
    totals = Totals(
        recipients=4, clicks=9, unique_clickers=5, clicked_recipients=3, click_through_rate=0.75, conversions=1,
        conversion_rate=0.25,
    )  # fmt: skip
    view = view_of(Report(totals=totals, timezone="UTC"))
    assert [step.share.replace("\u00a0", " ") for step in view.funnel] == ["100 %", "75 %", "25 %"]
    remarks = {figure.name: figure.remark.replace("\u00a0", " ") for figure in view.figures}
    assert remarks["People who clicked"] == "3 of 4 recipients, 75 %"
    assert remarks["Conversions"] == "25 for each 100 recipients"
    assert view.is_upper_bound
    assert not view_of(Report(totals=Totals(recipients=4, unique_clickers=4, clicked_recipients=4))).is_upper_bound


def test_whose_word_figures_rest_on_is_told() -> None:
    """What is confirmed, beside what pages report; and apart from both what counts nowhere else."""
    usd = [Money(amount="5.00", currency="USD")]
    pages = Earned(conversions=3, revenue=usd)

    def told(**parts: Any) -> dict[str, tuple[list[str], str]]:
        view = view_of(Report(totals=Totals(**parts)))
        names = ("Confirmed", "Unconfirmed")
        return {one.name: (one.values, one.remark) for one in view.figures if one.name in names}

    assert told() == {}
    assert told(confirmed=pages) == {"Confirmed": (["5.00\u00a0USD"], "none by pages alone")}
    reported = "5.00\u00a0USD more is reported by pages alone"
    assert told(reported=pages) == {"Confirmed": (["\u2013"], reported)}
    assert told(confirmed=pages, reported=pages) == {"Confirmed": (["5.00\u00a0USD"], reported)}
    assert told(unconfirmed=pages) == {"Unconfirmed": (["5.00\u00a0USD"], "3 by pages alone, not counted anywhere")}


def test_without_recipients_the_funnel_begins_with_those_who_clicked() -> None:
    """As where a campaign has shared links alone."""
    view = view_of(Report(totals=Totals(unique_clickers=8, conversions=2), timezone="UTC"))
    assert [(step.name, step.count) for step in view.funnel] == [("People who clicked", "8"), ("Conversions", "2")]


def test_what_says_nothing_is_left_out() -> None:
    """A breakdown without values, of unknown ones alone, or by a single link."""
    one = [BreakdownValue(value="unknown", clicks=3)]
    told = Breakdowns(country=one, link=[BreakdownValue(value="t1", clicks=3)], device=[BreakdownValue(value="mobile")])
    assert [breakdown.name for breakdown in view_of(report_of(1, breakdowns=told)).breakdowns] == ["device"]


def test_whatever_is_asked_for_is_a_wish() -> None:
    """What cannot be understood is as good as absent, and addresses carry what is not usual."""
    asked = parameters_of({"range": "x", "basis": "y", "timezone": " Mars/Olympus ", "signature": "a&b"})
    assert (asked.range, asked.basis, asked.timezone, asked.unknown_timezone) == ("all", "event", "UTC", "Mars/Olympus")
    assert asked.path("/reports", range="7d") == "/reports?signature=a%26b&range=7d"
    request = parameters_of({"range": "7d", "timezone": "Asia/Kathmandu"}).request("shop", "journey", "welcome")
    assert request.journey == "welcome"
    assert request.from_time.seconds % 900 == 0
    assert parameters_of({"range": "24h"}).request("shop", "campaign", "spring").from_time.seconds % 3_600 == 0


@pytest.mark.parametrize(
    ("fields", "is_person"),
    [
        ({"action": "short_link.clicked", "verdict": "human"}, True),
        ({"action": "order.placed"}, True),
        *[({"action": "short_link.clicked", "verdict": verdict}, False) for verdict in wording.OTHER_HITS],
    ],
)
def test_what_a_program_did_stands_apart(fields: dict[str, Any], is_person: bool) -> None:  # noqa: FBT001  (a parameter)
    """Among what people did it is greyed."""
    latest = LatestActivity(activity=Activity(occurred_at=to_timestamp(START), **fields), profile="ana")
    assert activity_row(latest, "UTC").is_person is is_person
