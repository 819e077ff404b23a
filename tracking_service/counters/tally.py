"""Adds up what new clicks change in the counters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from tracking_service.counters.breakdowns import HUMAN, VERDICT, unpacked
from tracking_service.counters.first_clicks import OWN, CountedClick
from tracking_service.counters.scopes import LINK, Scope, bucket_of, by_day, cohort_of, day_of, scopes_of

_SECOND = timedelta(seconds=1)
# Campaigns and the like, as they are written in clicks; a few of them make nearly all clicks.
_REMEMBERED = 1_000
# The one dimension that is read of a recipient's link.
PACKED = "packed"


class CounterKey(NamedTuple):
    """What finds a counter of a scope."""

    business_id: str
    scope: str
    scope_id: str
    bucket: datetime


class BreakdownKey(NamedTuple):
    """What finds a counter of a dimension's value in a scope."""

    business_id: str
    scope: str
    scope_id: str
    bucket: datetime
    dimension: str
    value: str


class LinkKey(NamedTuple):
    """What finds a counter of a recipient's link; origin is packed."""

    business_id: str
    link: str
    bucket: datetime
    origin: str


Hit = tuple[CounterKey, str]
"""Where something is counted in breakdowns, and its packed origin."""


@dataclass(slots=True)
class Counts:
    """What is added to one counter row."""

    clicks: int = 0
    unique_clickers: int = 0
    bot_hits: int = 0
    sessions: int = 0
    seconds_to_click: int = 0
    clicked_recipients: int = 0

    def add(self, other: "Counts") -> None:
        """Add what is added in another place too."""
        self.clicks += other.clicks
        self.unique_clickers += other.unique_clickers
        self.bot_hits += other.bot_hits
        self.sessions += other.sessions
        self.seconds_to_click += other.seconds_to_click
        self.clicked_recipients += other.clicked_recipients


@dataclass(slots=True)
class BreakdownCounts:
    """What is added to one value of a breakdown."""

    clicks: int = 0
    unique_clickers: int = 0


class CountingKey(NamedTuple):
    """What clicks have in common that count the same, so that they can be added up first."""

    business_id: str
    scopes: tuple[Scope, ...]
    bucket: datetime
    link_bucket: datetime
    origin: str
    is_recipients: bool
    is_human: bool
    has_session: bool
    is_first: bool

    def counts(self, hits: int, seconds: int) -> Counts:
        """Return what so many of them count; seconds is from their links to them, of all together."""
        return Counts(
            clicks=hits * self.is_human,
            unique_clickers=hits * self.is_first,
            bot_hits=hits * (not self.is_human),
            sessions=hits * (self.is_human and self.has_session),
            seconds_to_click=seconds * self.is_first,
            clicked_recipients=hits * (self.is_first and self.is_recipients),
        )


def counting_key_of(click: CountedClick, *, is_first: bool) -> CountingKey:
    """Return what a click counts as in the scopes that links share."""
    return CountingKey(
        click.business_id,
        _shared_scopes(click.campaign, click.journey, click.message),
        bucket_of(click.clicked_at),
        bucket_of(click.link_created_at),
        click.origin,
        click.is_recipients,
        click.is_human,
        click.session is not None,
        is_first,
    )


@dataclass(slots=True)
class ClickTally:
    """What a batch of clicks changes; negative is what first clicks leave and hits taken back counted."""

    counts: dict[CounterKey, Counts] = field(default_factory=lambda: defaultdict(Counts))
    hits: dict[Hit, BreakdownCounts] = field(default_factory=lambda: defaultdict(BreakdownCounts))
    links: dict[LinkKey, Counts] = field(default_factory=lambda: defaultdict(Counts))

    def add_clicks(self, clicks: Iterable[tuple[CountedClick, bool]]) -> None:
        """Count clicks that were not known in all their scopes, by their own date and by that of their link.

        With each is told whether its visitor had clicked nothing before it, and nothing else since. Those of a
        delivery are of few campaigns, clients and quarters: they are added up before they are spread.
        """
        hits: Counter[CountingKey] = Counter()
        seconds: Counter[CountingKey] = Counter()
        for click, is_first in clicks:
            key, took = (
                counting_key_of(click, is_first=is_first),
                seconds_between(click.link_created_at, click.clicked_at),
            )
            hits[key] += 1
            seconds[key] += took
            self._add(key, LINK, click.link, key.counts(1, took))
        for key, number in hits.items():
            for scope in key.scopes:
                self._add(key, *scope, key.counts(number, seconds[key]))

    def take_back(self, clicks: Iterable[CountedClick]) -> None:
        """Count hits no more that were counted as they are told here; where they are first ones is moved apart."""
        for click in clicks:
            key = counting_key_of(click, is_first=False)
            for scope in (*key.scopes, (LINK, click.link)):
                self._add(key, *scope, key.counts(-1, 0))

    def move(self, visit: CountedClick, before: int, after: int) -> None:
        """Count that a click is the first one of its visitor in other scopes than before."""
        took = seconds_between(visit.link_created_at, visit.clicked_at)
        for bit, (scope, scope_id) in visit.scopes():
            visitors, recipients = (_change(bit * factor, before, after) for factor in (1, OWN))
            if not (visitors or recipients):
                continue
            counts = Counts(unique_clickers=visitors, seconds_to_click=visitors * took, clicked_recipients=recipients)
            self._add(counting_key_of(visit, is_first=True), scope, scope_id, counts)

    def _add(self, key: CountingKey, scope: str, scope_id: str, counts: Counts) -> None:
        if scope == LINK and key.is_recipients:
            self.links[LinkKey(key.business_id, scope_id, key.bucket, key.origin)].add(counts)
            return
        places = [CounterKey(key.business_id, scope, scope_id, key.bucket)]
        cohort = cohort_of(scope)
        if cohort is not None:
            places.append(CounterKey(key.business_id, cohort, scope_id, key.link_bucket))
        for place in places:
            self.counts[place].add(counts)
            hits = self.hits[place, key.origin]
            hits.clicks += counts.clicks + counts.bot_hits
            hits.unique_clickers += counts.unique_clickers

    def breakdowns(self) -> dict[BreakdownKey, BreakdownCounts]:
        """Return what is added to the breakdowns, value by value.

        By whole days too, since a long range has a hundred values in each of thousands of quarters of an hour.
        """
        found: dict[BreakdownKey, BreakdownCounts] = defaultdict(BreakdownCounts)
        for (place, origin), counts in self.hits.items():
            day = by_day(place.scope), day_of(place.bucket)
            for dimension, value in values_of(origin):
                for scope, bucket in ((place.scope, place.bucket), day):
                    of_value = found[BreakdownKey(place.business_id, scope, place.scope_id, bucket, dimension, value)]
                    of_value.clicks += counts.clicks
                    of_value.unique_clickers += counts.unique_clickers
        return found


def seconds_between(link_created_at: datetime, clicked_at: datetime) -> int:
    """Return the whole seconds from a link to a click; clocks may differ, so it is never below zero."""
    return max(0, (clicked_at - link_created_at) // _SECOND)


def _change(bits: int, before: int, after: int) -> int:
    return bool(after & bits) - bool(before & bits)


@lru_cache(_REMEMBERED)
def _shared_scopes(campaign: str | None, journey: str | None, message: str | None) -> tuple[Scope, ...]:
    return tuple(scopes_of(campaign=campaign, journey=journey, message=message, link=None))


def values_of(origin: str) -> Iterator[tuple[str, str]]:
    """Yield the dimensions that a packed origin counts in, with its values: of what is not human its verdict alone."""
    verdict, values = unpacked(origin)
    yield VERDICT, verdict
    if verdict == HUMAN:
        yield from values.items()
