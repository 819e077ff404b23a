"""A hit as it is judged now, and what it is by other rules."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from common.ids import session_from_nonce
from tracking_service.clicks.store import ClickActivity
from tracking_service.counters.breakdowns import HUMAN, LINK, QR, Origin
from tracking_service.counters.first_clicks import CountedClick


class JudgedAgent(NamedTuple):
    """Who sends a user agent, and why that is thought."""

    verdict: str
    reason: str


class Hit(NamedTuple):
    """A hit with what is derived of it; `verdict` and `session` are those of now, None: no session."""

    business_id: str
    clicked_at: datetime
    id: UUID
    link: str
    template: str
    campaign: str | None
    journey: str | None
    message: str | None
    profile_key: int | None
    session: str | None
    link_created_at: datetime
    verdict: str
    user_agent: str
    device: str
    browser: str
    os: str
    country: str
    language: str
    referring_host: str
    is_scan: bool

    @property
    def is_human(self) -> bool:
        """Whether it counts as a click."""
        return self.verdict == HUMAN

    @property
    def source(self) -> str:
        """How the link was opened."""
        return QR if self.is_scan else LINK

    @property
    def counted(self) -> CountedClick:
        """Return what is counted of it."""
        origin = Origin(
            self.template,
            self.device,
            self.browser,
            self.os,
            self.country,
            self.language,
            self.referring_host,
            self.is_scan,
        )
        return CountedClick(
            business_id=self.business_id,
            session=self.session,
            profile_key=self.profile_key,
            clicked_at=self.clicked_at,
            click_id=self.id,
            link_created_at=self.link_created_at,
            link=self.link,
            campaign=self.campaign,
            journey=self.journey,
            message=self.message,
            origin=origin.packed(self.verdict),
            is_recipients=self.profile_key is not None,
            is_human=self.is_human,
        )

    @property
    def activity(self) -> ClickActivity:
        """Return it as what a person did."""
        return ClickActivity(**{name: getattr(self, name) for name in ClickActivity._fields})


class Rejudged(NamedTuple):
    """A hit before and after, and why."""

    before: Hit
    after: Hit
    reason: str

    @property
    def session(self) -> str | None:
        """The session that it has by this; None: it is no person's."""
        return self.after.session if self.after.is_human else None


class Change(NamedTuple):
    """A kind of change."""

    before: str
    after: str
    reason: str


@dataclass(slots=True)
class Progress:
    """How far judging again is."""

    rules_version: int
    kept_from: datetime | None
    """Since when hits are kept; None: none are."""
    looked_at: int = 0
    changes: Counter[Change] = field(default_factory=Counter)

    def add(self, looked_at: int, rejudged: Iterable[Rejudged]) -> None:
        """Note a piece."""
        self.looked_at += looked_at
        self.changes.update(Change(each.before.verdict, each.after.verdict, each.reason) for each in rejudged)


def rejudged_of(hits: Iterable[Hit], judged: Mapping[str, JudgedAgent]) -> list[Rejudged]:
    """Return those of hits that are something else by what is judged of their user agents."""
    return [changed for hit in hits if (changed := _rejudge(hit, judged[hit.user_agent])) is not None]


def _rejudge(hit: Hit, judged: JudgedAgent) -> Rejudged | None:
    """Return a hit as it is by a judgement; None: it stays what it is.

    One that turns out to be a person's gets a session that nobody was given, always the same one.
    """
    if judged.verdict == hit.verdict:
        return None
    session = hit.session
    if judged.verdict == HUMAN and session is None:
        session = session_from_nonce(hit.id.bytes)
    return Rejudged(hit, hit._replace(verdict=judged.verdict, session=session), judged.reason)
