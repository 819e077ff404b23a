"""Adds up what new clicks change in the counters."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tracking_service.deliveries import HUMAN, Click
from tracking_service.domain import bucket_of, scopes_of

CounterKey = tuple[str, str, str, datetime]
"""Business, kind and id of the scope, and the bucket."""
BreakdownKey = tuple[str, str, str, datetime, str, str]
"""The same, and a dimension and its value."""

VERDICT = "verdict"


@dataclass(slots=True)
class Counts:
    """What is added to one counter row."""

    clicks: int = 0
    unique_clickers: int = 0
    bot_hits: int = 0
    sessions: int = 0

    def row(self) -> tuple[int, int, int, int]:
        """Return the values in the order of the table."""
        return self.clicks, self.unique_clickers, self.bot_hits, self.sessions


@dataclass(slots=True)
class BreakdownCounts:
    """What is added to one value of a breakdown."""

    clicks: int = 0
    unique_clickers: int = 0

    def row(self) -> tuple[int, int]:
        """Return the values in the order of the table."""
        return self.clicks, self.unique_clickers


@dataclass(frozen=True, slots=True)
class FirstClick:
    """That a visitor's first click in a scope is now at `at`; `before` is where it was, if there was one."""

    business_id: str
    scope: str
    scope_id: str
    at: datetime
    before: datetime | None


@dataclass(slots=True)
class ClickTally:
    """What a batch of new clicks changes; nothing of it is negative but where a first click moves."""

    counts: dict[CounterKey, Counts] = field(default_factory=lambda: defaultdict(Counts))
    breakdowns: dict[BreakdownKey, BreakdownCounts] = field(default_factory=lambda: defaultdict(BreakdownCounts))

    def add_clicks(self, clicks: Iterable[Click]) -> None:
        """Count hits in all their scopes."""
        for click in clicks:
            bucket = bucket_of(click.clicked_at)
            is_human = click.is_human
            for scope, scope_id in scopes_of(
                campaign=click.campaign, journey=click.journey, message=click.message, link=click.link
            ):
                key = (click.business_id, scope, scope_id, bucket)
                counts = self.counts[key]
                counts.clicks += is_human
                counts.bot_hits += not is_human
                counts.sessions += is_human and click.session is not None
                self.breakdowns[(*key, VERDICT, click.verdict)].clicks += 1

    def move(self, first: FirstClick) -> None:
        """Count a visitor where the first click is now, and no longer where it was."""
        self.count_visitor(first.business_id, first.scope, first.scope_id, first.at, 1)
        if first.before is not None:
            self.count_visitor(first.business_id, first.scope, first.scope_id, first.before, -1)

    def count_visitor(self, business_id: str, scope: str, scope_id: str, at: datetime, change: int) -> None:
        """Count a visitor in (1) or out (-1), with a first click at this time. Only people have one."""
        key = (business_id, scope, scope_id, bucket_of(at))
        self.counts[key].unique_clickers += change
        self.breakdowns[(*key, VERDICT, HUMAN)].unique_clickers += change
