"""Decide which click an event is credited to: pure, over kept evidence, and versioned."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from tracking_service.money import EXPONENTS

RULES_VERSION = 4
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


class Provenance(StrEnum):
    """Whose word a figure rests on."""

    CONFIRMED = "confirmed"
    """A private token's or a platform's."""
    REPORTED = "reported"
    """A page's."""
    UNCONFIRMED = "unconfirmed"
    """A page's alone, where its business counts what is confirmed: beside the totals, never in them."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event, whose it is now, and the settings of its business that decide on it.

    order_id is the order of an order's step, or the one that a refund names: the same by whatever reference.
    names_order tells of a purchase that it is part of an order; is_conversion, that its action is marked so;
    is_private, that it came with a private token; needs_confirmation, that it was received while pages' words alone
    did not count. page_amount_ceiling is the largest amount that a page is believed, in whole units of the amount's
    currency.
    """

    id: UUID
    action: str
    session: str | None
    profile_key: int | None
    occurred_at: datetime
    received_at: datetime
    order_id: UUID | None
    amount_minor: int | None
    currency: str | None
    other_source: OtherSource | None
    names_order: bool
    is_conversion: bool
    is_private: bool
    needs_confirmation: bool
    page_amount_ceiling: int
    window: timedelta
    said_amount: str | None = None
    """A refund's amount as a decimal, where it was said without a currency: it is in its order's."""

    @property
    def has_amount(self) -> bool:
        """Whether there is something to earn; nothing is earned with an amount beyond belief."""
        return bool(self.amount_minor) and not self.is_beyond_ceiling

    @property
    def is_beyond_ceiling(self) -> bool:
        """Whether a page says more than its business lets pages say."""
        if self.is_private or self.amount_minor is None:
            return False
        ceiling_minor: int = self.page_amount_ceiling * 10 ** EXPONENTS.get(self.currency or "", 0)
        return self.amount_minor > ceiling_minor

    @property
    def provenance(self) -> Provenance:
        """On whose word it counts what it counts for."""
        if self.is_private:
            return Provenance.CONFIRMED
        return Provenance.UNCONFIRMED if self.needs_confirmation else Provenance.REPORTED

    def is_known_apart(self, other: "Event") -> bool:
        """Tell whether both are known to be different people's."""
        return None not in (self.profile_key, other.profile_key) and self.profile_key != other.profile_key

    def is_same_visitor(self, other: "Event") -> bool:
        """Tell whether both are one visitor's: of one session, or of one person."""
        is_same_session = self.session is not None and self.session == other.session
        return is_same_session or (self.profile_key is not None and self.profile_key == other.profile_key)

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


def has_click(event: Event, clicks: Iterable[CandidateClick]) -> bool:
    """Tell whether the visitor of an event clicked anything in time, whatever came after it."""
    return _latest(event, clicks) is not None


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
