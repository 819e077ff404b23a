"""Adds up what new clicks change in the counters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from tracking_service.click_origins import VERDICT, Origin, unpacked
from tracking_service.deliveries import HUMAN, Click
from tracking_service.domain import LINK, Scope, bucket_of, by_day, cohort_of, day_of, scopes_of

CounterKey = tuple[str, str, str, datetime]
"""Business, kind and id of the scope, and the bucket."""
BreakdownKey = tuple[str, str, str, datetime, str, str]
"""The same, and a dimension and its value."""

Alike = tuple[str, tuple[Scope, ...], datetime, datetime, str, bool, bool, bool]
"""Business, scopes, buckets of the click and of its link, packed origin; whether the link is a recipient's, the click
human, and with a session."""

_SECOND = timedelta(seconds=1)
# Campaigns and the like, as they are written in clicks; a few of them make nearly all clicks.
_REMEMBERED = 1_000
# The one dimension of a recipient's link, see `breakdowns`.
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


class Own(NamedTuple):
    """A human click on a link of the visitor's own: what tells when a recipient has clicked."""

    clicked_at: datetime
    link_created_at: datetime


class Seen(NamedTuple):
    """A human click as it is remembered of a visitor's first; origin is packed, is_recipients of the link clicked."""

    clicked_at: datetime
    click_id: UUID
    link_created_at: datetime
    origin: str
    is_recipients: bool

    @property
    def seconds_to_click(self) -> int:
        """Return the whole seconds since the link was made; clocks may differ, so it is never below zero."""
        return max(0, (self.clicked_at - self.link_created_at) // _SECOND)

    @property
    def own(self) -> Own | None:
        """Return it as a recipient's click, where it is one."""
        return Own(self.clicked_at, self.link_created_at) if self.is_recipients else None


class NewClick(NamedTuple):
    """A click that was not known, what it came from, and whether its link is a recipient's."""

    click: Click
    origin: Origin
    is_recipients: bool


class Hit(NamedTuple):
    """Where and what is counted in breakdowns."""

    place: CounterKey
    origin: str
    is_recipients: bool


@dataclass(slots=True)
class ClickTally:
    """What a batch of new clicks changes; nothing of it is negative but where a first click moves."""

    counts: dict[CounterKey, Counts] = field(default_factory=lambda: defaultdict(Counts))
    hits: dict[Hit, BreakdownCounts] = field(default_factory=lambda: defaultdict(BreakdownCounts))

    def add_clicks(self, clicks: Iterable[NewClick]) -> None:
        """Count hits in all their scopes, by their own date and by that of their link."""
        for (business_id, scopes, *dates, origin, is_recipients, is_human, has_session), hits in _alike(clicks).items():
            for scope in scopes:
                for place in _places(business_id, *scope, *dates):
                    counts = self.counts[place]
                    counts.clicks += hits * is_human
                    counts.bot_hits += hits * (not is_human)
                    counts.sessions += hits * (is_human and has_session)
                    self.hits[Hit(place, origin, is_recipients)].clicks += hits

    def count_visitor(self, business_id: str, scope: str, scope_id: str, first: Seen, change: int) -> None:
        """Count a visitor in (1) or out (-1) whose first click this is. Only people have one."""
        for place in _places(business_id, scope, scope_id, first.clicked_at, first.link_created_at):
            self.counts[place].unique_clickers += change
            self.counts[place].seconds_to_click += change * first.seconds_to_click
            self.hits[Hit(place, first.origin, first.is_recipients)].unique_clickers += change

    def count_recipient(self, business_id: str, scope: str, scope_id: str, first: Own, change: int) -> None:
        """Count a recipient in (1) or out (-1) whose first click on a link of their own this is."""
        for place in _places(business_id, scope, scope_id, *first):
            self.counts[place].clicked_recipients += change

    def breakdowns(self) -> dict[BreakdownKey, BreakdownCounts]:
        """Return what is added to the breakdowns, value by value.

        A recipient's link is clicked a few times: a row for each value of each dimension would be nearly all that is
        written, so all values of a click together are one there. Everything else is counted by whole days too, since
        a long range has a hundred values in each of thousands of quarters of an hour.
        """
        found: dict[BreakdownKey, BreakdownCounts] = defaultdict(BreakdownCounts)
        for (place, origin, is_recipients), counts in self.hits.items():
            is_packed = is_recipients and place[1] == LINK
            for dimension, value in [(PACKED, origin)] if is_packed else values_of(origin):
                for bucket in [place] if is_packed else [place, _whole_day(place)]:
                    found[(*bucket, dimension, value)].clicks += counts.clicks
                    found[(*bucket, dimension, value)].unique_clickers += counts.unique_clickers
        return found


def _alike(clicks: Iterable[NewClick]) -> Counter[Alike]:
    """Return how many clicks count the same: those of a delivery are of few campaigns, clients and quarters."""
    alike: Counter[Alike] = Counter()
    for click, origin, is_recipients in clicks:
        dates = bucket_of(click.clicked_at), bucket_of(click.link_created_at)
        kind = (origin.packed(click.verdict), is_recipients, click.is_human, click.session is not None)
        alike[(click.business_id, _shared_scopes(click.campaign, click.journey, click.message), *dates, *kind)] += 1
        alike[(click.business_id, ((LINK, click.link),), *dates, *kind)] += 1
    return alike


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


def _places(
    business_id: str, scope: str, scope_id: str, at: datetime, link_created_at: datetime
) -> Iterator[CounterKey]:
    """Yield where something is counted: by its own date, and by that of its link."""
    yield business_id, scope, scope_id, bucket_of(at)
    cohort = cohort_of(scope)
    if cohort is not None:
        yield business_id, cohort, scope_id, bucket_of(link_created_at)
