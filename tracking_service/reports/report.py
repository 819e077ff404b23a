"""What a report says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tracking_service.counters.breakdowns import LINK, SOURCE
from tracking_service.counters.scopes import Scope
from tracking_service.money import Money
from tracking_service.refused_requests.refused_requests import RefusedRequests
from tracking_service.reports.range import Range

TOP_VALUES = 50
REST = "other"


@dataclass(slots=True)
class Revenue:
    """Minor units by currency."""

    minor: dict[str, int] = field(default_factory=dict)

    def add(self, currency: str, minor: int) -> None:
        """Add an amount; "" is no currency, and stands where nothing was earned."""
        if currency and minor:
            self.minor[currency] = self.minor.get(currency, 0) + minor

    def amounts(self) -> list[Money]:
        """Return what is not zero, by currency."""
        return [Money(minor, currency) for currency, minor in sorted(self.minor.items()) if minor]


@dataclass(slots=True)
class Earned:
    """What was earned by one kind of word."""

    conversions: int = 0
    revenue: Revenue = field(default_factory=Revenue)

    def add(self, conversions: int, currency: str, revenue: int) -> None:
        """Add conversions and what they earned."""
        self.conversions += conversions
        self.revenue.add(currency, revenue)


@dataclass(slots=True)
class Figures:
    """The figures of a point, or of a whole range; those of confirmed and reported orders, which add up to all."""

    clicks: int = 0
    unique_clickers: int = 0
    bot_hits: int = 0
    sessions: int = 0
    seconds_to_click: int = 0
    conversions: int = 0
    conversions_led: int = 0
    seconds_to_conversion: int = 0
    revenue: Revenue = field(default_factory=Revenue)
    taken_back: Revenue = field(default_factory=Revenue)
    clicked_recipients: int = 0
    confirmed: Earned = field(default_factory=Earned)
    reported: Earned = field(default_factory=Earned)
    unconfirmed: Earned = field(default_factory=Earned)

    def add_clicks(self, clicks: "ClickSum") -> None:
        """Add clicks."""
        self.clicks += clicks.clicks
        self.unique_clickers += clicks.unique_clickers
        self.bot_hits += clicks.bot_hits
        self.sessions += clicks.sessions
        self.seconds_to_click += clicks.seconds_to_click
        self.clicked_recipients += clicks.clicked_recipients

    def add_events(self, events: "EventSum") -> None:
        """Add what events earned and took back."""
        self.conversions += events.conversions
        self.conversions_led += events.conversions_led
        self.seconds_to_conversion += events.seconds_to_conversion
        self.revenue.add(events.currency, events.revenue)
        self.taken_back.add(events.currency, events.taken_back)
        self.confirmed.add(events.confirmed_conversions, events.currency, events.confirmed_revenue)
        self.unconfirmed.add(events.unconfirmed_conversions, events.currency, events.unconfirmed_revenue)
        reported = events.revenue - events.confirmed_revenue
        self.reported.add(events.conversions - events.confirmed_conversions, events.currency, reported)

    @property
    def time_to_click(self) -> float | None:
        """Seconds from link to first click, on average; None without a clicker."""
        return self.seconds_to_click / self.unique_clickers if self.unique_clickers > 0 else None

    @property
    def time_to_conversion(self) -> float | None:
        """Seconds from click to conversion, on average; None without a conversion that a click led to."""
        return self.seconds_to_conversion / self.conversions_led if self.conversions_led > 0 else None


class ClickSum(NamedTuple):
    """Clicks of one point; points are counted from 1."""

    point: int
    clicks: int
    unique_clickers: int
    bot_hits: int
    sessions: int
    seconds_to_click: int = 0
    clicked_recipients: int = 0


@dataclass(frozen=True, slots=True)
class EventSum:
    """Conversions of one point in one currency. What is confirmed is a part of them, what is unconfirmed none."""

    point: int
    currency: str
    conversions: int
    revenue: int
    taken_back: int = 0
    conversions_led: int = 0
    seconds_to_conversion: int = 0
    confirmed_conversions: int = 0
    confirmed_revenue: int = 0
    unconfirmed_conversions: int = 0
    unconfirmed_revenue: int = 0


@dataclass(frozen=True, slots=True)
class ActionSum:
    """Events of one action in one currency."""

    action: str
    currency: str
    events: int
    revenue: int


@dataclass(frozen=True, slots=True)
class ValueSum:
    """Clicks of one value of a breakdown."""

    value: str
    clicks: int
    unique_clickers: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What the counters say of a scope and a range."""

    recipients: int
    clicks: list[ClickSum]
    events: list[EventSum]
    actions: list[ActionSum]
    breakdowns: Mapping[str, list[ValueSum]]
    refused: Sequence[RefusedRequests] = ()
    """Of the whole business."""


@dataclass(frozen=True, slots=True)
class ActionCount:
    """Events of one action."""

    action: str
    count: int
    revenue: list[Money]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: totals, events by action, a series without gaps, breakdowns by dimension."""

    scope: Scope
    range: Range
    recipients: int
    totals: Figures
    events: list[ActionCount]
    series: list[tuple[datetime, Figures]]
    breakdowns: Mapping[str, list[ValueSum]]
    refused: Sequence[RefusedRequests] = ()
    """Requests of the whole business, most first."""

    @property
    def click_through_rate(self) -> float:
        """Recipients who clicked a link of their own ÷ recipients; 0 without recipients."""
        return self.totals.clicked_recipients / self.recipients if self.recipients else 0.0

    @property
    def conversion_rate(self) -> float:
        """Conversions ÷ recipients; 0 without recipients."""
        return self.totals.conversions / self.recipients if self.recipients else 0.0


def compose(scope: Scope, range_: Range, sums: Sums) -> Report:
    """Return the report that sums of counters make."""
    series = [(start, Figures()) for start in range_.points]
    totals = Figures()
    for clicks in sums.clicks:
        for figures in (totals, series[clicks.point - 1][1]):
            figures.add_clicks(clicks)
    for events in sums.events:
        for figures in (totals, series[events.point - 1][1]):
            figures.add_events(events)
    counted = {**sums.breakdowns, SOURCE: _by_source(totals, sums.breakdowns.get(SOURCE, ()))}
    breakdowns = {dimension: _top(values) for dimension, values in counted.items()}
    return Report(scope, range_, sums.recipients, totals, _by_action(sums.actions), series, breakdowns, sums.refused)


def _by_source(totals: Figures, scans: Iterable[ValueSum]) -> list[ValueSum]:
    """Return all clicks by how links were opened: scans alone are counted, what is left opened links as such."""
    clicks, clickers = totals.clicks, totals.unique_clickers
    found = list(scans)
    for one in found:
        clicks, clickers = clicks - one.clicks, clickers - one.unique_clickers
    return [ValueSum(LINK, clicks, clickers), *found]


def _by_action(sums: Iterable[ActionSum]) -> list[ActionCount]:
    """Return the actions that have events, most frequent first."""
    counts: dict[str, int] = {}
    revenues: dict[str, Revenue] = {}
    for part in sums:
        counts[part.action] = counts.get(part.action, 0) + part.events
        revenues.setdefault(part.action, Revenue()).add(part.currency, part.revenue)
    found = [ActionCount(action, count, revenues[action].amounts()) for action, count in counts.items() if count]
    return sorted(found, key=lambda counted: (-counted.count, counted.action))


def _top(values: Iterable[ValueSum]) -> list[ValueSum]:
    """Return the values with most clicks, and all others as one; a value of that very name is one of the others."""
    ranked = sorted(
        (value for value in values if value.clicks), key=lambda value: (value.value == REST, -value.clicks, value.value)
    )
    top = [value for value in ranked[:TOP_VALUES] if value.value != REST]
    rest = ranked[len(top) :]
    if not rest:
        return top
    clicks, unique = sum(value.clicks for value in rest), sum(value.unique_clickers for value in rest)
    return [*top, ValueSum(REST, clicks, unique)]
