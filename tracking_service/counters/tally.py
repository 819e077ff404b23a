"""Adds up what new clicks change in the counters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from tracking_service.counters.breakdowns import HUMAN, VERDICT, unpacked
from tracking_service.counters.first_clicks import OWN, Visit
from tracking_service.counters.scopes import LINK, Scope, bucket_of, by_day, cohort_of, day_of, scopes_of

CounterKey = tuple[str, str, str, datetime]
"""Business, kind and id of the scope, and the bucket."""
BreakdownKey = tuple[str, str, str, datetime, str, str]
"""The same, and a dimension and its value."""
LinkKey = tuple[str, str, datetime, str]
"""Business, a recipient's link, the bucket, and the packed origin."""
Hit = tuple[CounterKey, str]
"""Where something is counted in breakdowns, and its packed origin."""

_SECOND = timedelta(seconds=1)
# Campaigns and the like, as they are written in clicks; a few of them make nearly all clicks.
_REMEMBERED = 1_000
# The one dimension that is read of a recipient's link.
PACKED = "packed"


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

    def row(self) -> tuple[int, int, int, int, int, int]:
        """Return the values in the order of the table."""
        return (
            self.clicks, self.unique_clickers, self.bot_hits, self.sessions, self.seconds_to_click,
            self.clicked_recipients,
        )  # fmt: skip


@dataclass(slots=True)
class BreakdownCounts:
    """What is added to one value of a breakdown."""

    clicks: int = 0
    unique_clickers: int = 0

    def row(self) -> tuple[int, int]:
        """Return the values in the order of the table."""
        return self.clicks, self.unique_clickers


class CountedClick(NamedTuple):
    """What is counted of a click that was not known, and its packed origin.

    is_first tells whether its visitor had clicked nothing before it, and nothing else since.
    """

    business_id: str
    link: str
    campaign: str | None
    journey: str | None
    message: str | None
    clicked_at: datetime
    link_created_at: datetime
    origin: str
    is_recipients: bool
    is_human: bool
    has_session: bool
    is_first: bool

    def alike(self) -> "Alike":
        """Return what it counts as in the scopes that links share."""
        return Alike(
            self.business_id,
            _shared_scopes(self.campaign, self.journey, self.message),
            bucket_of(self.clicked_at),
            bucket_of(self.link_created_at),
            self.origin,
            self.is_recipients,
            self.is_human,
            self.has_session,
            self.is_first,
        )


class Alike(NamedTuple):
    """What clicks have in common that count the same."""

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


@dataclass(slots=True)
class ClickTally:
    """What a batch of new clicks changes; nothing of it is negative but where a first click moves."""

    counts: dict[CounterKey, Counts] = field(default_factory=lambda: defaultdict(Counts))
    hits: dict[Hit, BreakdownCounts] = field(default_factory=lambda: defaultdict(BreakdownCounts))
    links: dict[LinkKey, Counts] = field(default_factory=lambda: defaultdict(Counts))

    def add_clicks(self, clicks: Iterable[CountedClick]) -> None:
        """Count clicks in all their scopes, by their own date and by that of their link.

        Those of a delivery are of few campaigns, clients and quarters: they are added up before they are spread.
        """
        hits: Counter[Alike] = Counter()
        seconds: Counter[Alike] = Counter()
        for click in clicks:
            alike, took = click.alike(), seconds_between(click.link_created_at, click.clicked_at)
            hits[alike] += 1
            seconds[alike] += took
            self._add(alike, LINK, click.link, alike.counts(1, took))
        for alike, number in hits.items():
            for scope in alike.scopes:
                self._add(alike, *scope, alike.counts(number, seconds[alike]))

    def move(self, visit: Visit, before: int, after: int) -> None:
        """Count that a click is the first one of its visitor in other scopes than before."""
        took = seconds_between(visit.link_created_at, visit.clicked_at)
        for bit, (scope, scope_id) in visit.scopes():
            visitors, recipients = (_change(bit * factor, before, after) for factor in (1, OWN))
            if not (visitors or recipients):
                continue
            self._add(
                Alike(
                    visit.business_id, (), bucket_of(visit.clicked_at), bucket_of(visit.link_created_at), visit.origin,
                    visit.is_recipients, is_human=True, has_session=True, is_first=True,
                ),
                scope, scope_id,
                Counts(unique_clickers=visitors, seconds_to_click=visitors * took, clicked_recipients=recipients),
            )  # fmt: skip

    def _add(self, alike: Alike, scope: str, scope_id: str, counts: Counts) -> None:
        if scope == LINK and alike.is_recipients:
            self.links[alike.business_id, scope_id, alike.bucket, alike.origin].add(counts)
            return
        places = [(alike.business_id, scope, scope_id, alike.bucket)]
        cohort = cohort_of(scope)
        if cohort is not None:
            places.append((alike.business_id, cohort, scope_id, alike.link_bucket))
        for place in places:
            self.counts[place].add(counts)
            hits = self.hits[place, alike.origin]
            hits.clicks += counts.clicks + counts.bot_hits
            hits.unique_clickers += counts.unique_clickers

    def breakdowns(self) -> dict[BreakdownKey, BreakdownCounts]:
        """Return what is added to the breakdowns, value by value.

        By whole days too, since a long range has a hundred values in each of thousands of quarters of an hour.
        """
        found: dict[BreakdownKey, BreakdownCounts] = defaultdict(BreakdownCounts)
        for (place, origin), counts in self.hits.items():
            for dimension, value in values_of(origin):
                for bucket in (place, _whole_day(place)):
                    of_value = found[(*bucket, dimension, value)]
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


def _whole_day(place: CounterKey) -> CounterKey:
    business_id, scope, scope_id, bucket = place
    return business_id, by_day(scope), scope_id, day_of(bucket)
