"""Turns a report into what its page shows: texts, widths of bars, rows of tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from clicktrail.tracking.v1.connection_service_pb2 import SilentConnection
from clicktrail.tracking.v1.report_page_service_pb2 import LatestActivity, ReportScope
from clicktrail.tracking.v1.report_service_pb2 import BreakdownValue, Report, Totals
from common.clock import from_timestamp
from gateway.reports import wording
from gateway.reports.chart import NARROW, WIDE, Series, chart, series_of

# In the order of the page; what a report does not have is left out.
BREAKDOWNS = {
    "link": "Links",
    "device": "Devices",
    "browser": "Browsers",
    "os": "Operating systems",
    "country": "Countries",
    "language": "Languages",
    "referrer": "Where they came from",
    "source": "How they opened the links",
    "verdict": "Who opened the links",
}
ROWS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its name, and perhaps a remark. Amounts take the whole width of a phone."""

    name: str
    values: list[str]
    remark: str = ""
    is_amount: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the funnel: how many came so far."""

    name: str
    count: str
    share: str
    width: str
    """Of its bar, in per cent of the widest."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a breakdown."""

    name: str
    clicks: str
    people: str
    width: str


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Clicks by what they came from: what is seen at once, and the rest."""

    name: str
    title: str
    top: list[Value]
    rest: list[Value]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    name: str
    counts: list[str]
    revenue: list[str]


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """A click or an event."""

    action: str
    who: str
    at: str
    at_machine: str
    details: list[str]
    is_person: bool


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report, ready for its page."""

    is_empty: bool
    period: str
    figures: list[Figure]
    funnel: list[Step]
    is_upper_bound: bool
    narrow_chart: str
    wide_chart: str
    series: list[Row]
    events: list[Row]
    breakdowns: list[Breakdown]
    refused: list[str]
    """Requests that were refused, in words, most first."""
    refused_in_all: str


def view_of(report: Report) -> ReportView:
    """Return what the page of a report shows. Takes some milliseconds: charts are drawn."""
    series = series_of(report)
    has_bars = any(bar.clicks or bar.conversions for bar in series.bars)
    return ReportView(
        is_empty=not (report.totals.clicks or report.totals.bot_hits or report.events),
        period=_period(report),
        figures=list(_figures(report.totals)),
        funnel=list(_funnel(report.totals)),
        is_upper_bound=report.totals.unique_clickers != report.totals.clicked_recipients,
        narrow_chart=chart(series, NARROW) if has_bars else "",
        wide_chart=chart(series, WIDE) if has_bars else "",
        series=list(_series_rows(series)),
        events=[
            Row(wording.action(one.action), [wording.count(one.count)], wording.amounts(one.revenue))
            for one in report.events
        ],
        breakdowns=list(_breakdowns(report)),
        refused=[wording.refused(one) for one in report.refused_requests],
        refused_in_all=wording.count(sum(one.count for one in report.refused_requests)),
    )


def activity_row(latest: LatestActivity, timezone: str) -> ActivityRow:
    """Return a click or an event as its list shows it."""
    activity = latest.activity
    at = from_timestamp(activity.occurred_at).astimezone(ZoneInfo(timezone))
    known = (wording.value("device", activity.device), activity.browser, activity.country)
    details = [text for text in known if text and text.lower() != "unknown"]
    if activity.source == "qr":
        details.insert(0, wording.value("source", activity.source))
    if activity.HasField("amount"):
        details.insert(0, wording.money(activity.amount))
    return ActivityRow(
        wording.OTHER_HITS.get(activity.verdict) or wording.action(activity.action),
        latest.profile_name or latest.profile or "Somebody",
        wording.moment(at),
        at.isoformat(timespec="seconds"),
        details,
        is_person=activity.verdict not in wording.OTHER_HITS,
    )


def scope_row(scope: ReportScope) -> Row:
    """Return a campaign or journey as the list of all shows it."""
    totals = scope.totals
    rate = wording.percent(totals.click_through_rate) if totals.recipients else "\u2013"
    counts = [wording.count(totals.recipients), wording.count(totals.clicks), rate, wording.count(totals.conversions)]
    return Row(scope.campaign or scope.journey, counts, wording.amounts(totals.revenue))


def silent_connection(silent: SilentConnection, timezone: str) -> tuple[str, str]:
    """Return what a silent connection is called, and when it last sent something."""
    at = from_timestamp(silent.last_delivery_at).astimezone(ZoneInfo(timezone))
    return silent.name or silent.platform, wording.moment(at)


def _period(report: Report) -> str:
    zone = ZoneInfo(report.timezone or "UTC")
    start, end = (from_timestamp(stamp).astimezone(zone) for stamp in (report.from_time, report.to_time))
    last = end - timedelta(microseconds=1)
    if start >= end or start.date() == last.date():
        return wording.day(start)
    return f"{wording.day(start)} to {wording.day(last)}"


def _figures(totals: Totals) -> Iterator[Figure]:
    yield _amount("Revenue", wording.amounts(totals.revenue), _taken_back(totals))
    yield from _by_provenance(totals)
    yield Figure("Clicks", [wording.count(totals.clicks)], _bots(totals))
    yield Figure("People who clicked", [wording.count(totals.unique_clickers)], _reached(totals))
    # One person may buy twice, so that this is no share of people.
    rate = f"{wording.number(totals.conversion_rate * 100)} for each 100 recipients" if totals.recipients else ""
    yield Figure("Conversions", [wording.count(totals.conversions)], rate)
    if totals.HasField("time_to_click"):
        yield Figure(
            "Until they clicked", [wording.duration(totals.time_to_click)], "on average, from the link's making"
        )
    if totals.HasField("time_to_conversion"):
        yield Figure("Until they bought", [wording.duration(totals.time_to_conversion)], "on average, from the click")


def _by_provenance(totals: Totals) -> Iterator[Figure]:
    """Yield what of the revenue is confirmed, and what counts in no other figure."""
    confirmed, reported = (wording.amounts(each.revenue) for each in (totals.confirmed, totals.reported))
    if confirmed or reported:
        pages = f"{', '.join(reported)} more is reported by pages alone" if reported else "none by pages alone"
        yield _amount("Confirmed", confirmed, pages)
    unconfirmed = totals.unconfirmed
    if unconfirmed.conversions or unconfirmed.revenue:
        orders = f"{wording.count(unconfirmed.conversions)} by pages alone, not counted anywhere"
        yield _amount("Unconfirmed", wording.amounts(unconfirmed.revenue), orders)


def _amount(name: str, amounts: list[str], remark: str) -> Figure:
    return Figure(name, amounts or ["\u2013"], remark, is_amount=True)


def _reached(totals: Totals) -> str:
    if not totals.recipients:
        return ""
    rate = wording.percent(totals.click_through_rate)
    return f"{wording.count(totals.clicked_recipients)} of {wording.count(totals.recipients)} recipients, {rate}"


def _taken_back(totals: Totals) -> str:
    taken_back = wording.amounts(totals.taken_back)
    return f"after {', '.join(taken_back)} taken back" if taken_back else ""


def _bots(totals: Totals) -> str:
    if not totals.bot_hits:
        return ""
    return f"and {wording.count(totals.bot_hits)} by bots and previews, not counted"


def _funnel(totals: Totals) -> Iterator[Step]:
    # Of those who came by shared links nobody knows whether they are recipients: they stand in where there are none.
    steps = [("People who clicked", totals.unique_clickers), ("Conversions", totals.conversions)]
    if totals.recipients:
        steps[:1] = [("Recipients", totals.recipients), ("Recipients who clicked", totals.clicked_recipients)]
    widest = max(number for _, number in steps)
    first = steps[0][1]
    for name, number in steps:
        yield Step(
            name, wording.count(number), wording.percent(number / first if first else 0.0), _width(number, widest)
        )


def _series_rows(series: Series) -> Iterator[Row]:
    for bar in series.bars:
        counts = [wording.count(bar.clicks), wording.count(bar.unique_clickers), wording.count(bar.conversions)]
        yield Row(wording.point(bar.starts_at, series.width), counts, wording.amounts(bar.revenue))


def _breakdowns(report: Report) -> Iterator[Breakdown]:
    for name, title in BREAKDOWNS.items():
        found: Sequence[BreakdownValue] = getattr(report.breakdowns, name)
        widest = max((one.clicks for one in found), default=0)
        values = [
            Value(wording.value(name, one.value), wording.count(one.clicks), wording.count(one.unique_clickers),
                  _width(one.clicks, widest))
            for one in found
        ]  # fmt: skip
        if len(found) > 1 or any(_tells(name, one.value) for one in found):
            yield Breakdown(name, title, values[:ROWS_SHOWN], values[ROWS_SHOWN:])


def _tells(name: str, value: str) -> bool:
    """Tell whether it says anything that all clicks have a value: not that they came by the one link, or none knows."""
    return name != "link" and value != "unknown" and (name, value) != ("source", "link")


def _width(number: int, widest: int) -> str:
    return f"{max(number, 0) / widest * 100:.1f}%" if widest else "0%"
