"""Decide which click an event is credited to: pure, over kept evidence, and versioned."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

RULES_VERSION = 3
# An event with the session of a click that is younger by up to this much counts as at the click: the session did not
# exist before, and clocks and time zones differ. What is older is believed to be of another visit.
CLOCK_TOLERANCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CandidateClick:
    """A click that minted a session, and what its link belongs to."""

    id: UUID
    session: str
    profile_key: int | None
    clicked_at: datetime
    link_created_at: datetime
    link: str | None
    campaign: str | None
    journey: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class OtherSource:
    """A source that is none of the business's own brought the visitor, and when that was seen."""

    name: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """An event, whose it is now, and the settings of its business that decide on it.

    order_id is the order of an order's step, or the one that a refund names; names_order tells of a purchase that it is
    part of an order; is_conversion, that its action is marked so; is_private, that it came with a private token.
    """

    id: UUID
    action: str
    session: str | None
    profile_key: int | None
    occurred_at: datetime
    order_id: UUID | None
    amount_minor: int | None
    currency: str | None
    other_source: OtherSource | None
    names_order: bool
    is_conversion: bool
    is_private: bool
    window: timedelta
    said_amount: str | None = None
    """A refund's amount as a decimal, where it was said without a currency: it is in its order's."""

    @property
    def has_amount(self) -> bool:
        """Whether there is something to earn."""
        return bool(self.amount_minor)

    @property
    def is_free(self) -> bool:
        """Whether it says that there is nothing to pay, which is more than not to say an amount."""
        return self.amount_minor == 0


class ClickReason(StrEnum):
    """Why a click wins or loses."""

    LATEST = "the latest click"
    EARLIER = "a later click came before the event"
    STRANGER = "another visitor's click"
    AFTER = "clicked after the event"
    TOO_OLD = "clicked before the attribution window"
    OUTRUN = "an external source was seen after the click"


def refusal(event: Event, click: CandidateClick) -> ClickReason | None:
    """Return why an event cannot be credited to a click; None where it can."""
    is_same_session = event.session is not None and event.session == click.session
    is_same_person = event.profile_key is not None and event.profile_key == click.profile_key
    if not is_same_session and not is_same_person:
        return ClickReason.STRANGER
    if click.clicked_at > event.occurred_at + (CLOCK_TOLERANCE if is_same_session else timedelta()):
        return ClickReason.AFTER
    return ClickReason.TOO_OLD if event.occurred_at - click.clicked_at > event.window else None


def decide(event: Event, clicks: Iterable[CandidateClick]) -> CandidateClick | None:
    """Return the click that an event is credited to: the latest eligible one, unless an external source came after."""
    latest = _latest(event, clicks)
    return None if latest is None or _is_outrun(event, latest) else latest


def judge(event: Event, clicks: Iterable[CandidateClick]) -> list[tuple[CandidateClick, ClickReason]]:
    """Return why each click wins or loses, latest first; the one with LATEST is what `decide` returns."""
    ranked = sorted(set(clicks), key=_rank, reverse=True)
    latest = _latest(event, ranked)
    return [(click, refusal(event, click) or _reason(event, click, latest)) for click in ranked]


def _latest(event: Event, clicks: Iterable[CandidateClick]) -> CandidateClick | None:
    return max((click for click in clicks if refusal(event, click) is None), key=_rank, default=None)


def _rank(click: CandidateClick) -> tuple[datetime, UUID]:
    return click.clicked_at, click.id


def _reason(event: Event, click: CandidateClick, latest: CandidateClick | None) -> ClickReason:
    if click != latest:
        return ClickReason.EARLIER
    return ClickReason.OUTRUN if _is_outrun(event, click) else ClickReason.LATEST


def _is_outrun(event: Event, click: CandidateClick) -> bool:
    return event.other_source is not None and event.other_source.seen_at > click.clicked_at
