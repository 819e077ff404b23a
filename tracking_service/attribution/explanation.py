"""Explain what an event was credited to: which clicks were looked at, and why each won or lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.errors import ClicktrailError, Reason, not_found
from common.ids import uuid_of
from tracking_service.attribution.credits import Earning, earnings, leads
from tracking_service.attribution.rules import CandidateClick, ClickReason, Event, judge

_NO_CLICK = "there is no click of this visitor"
_NOT_ELIGIBLE = "no click of this visitor came within the window before it"
_FOLLOWS = "it is credited as its order is: "
_CONTESTED = "pages of different visitors say its order, and nothing confirms it"


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """A line of the ledger as it is shown."""

    entry: int
    sign: int
    click_id: UUID | None
    campaign: str | None
    journey: str | None
    conversions: int
    revenue_minor: int | None
    currency: str | None
    provenance: str | None
    rules_version: int
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event with all events of its order, and the clicks of the visitor who decides on its credit, latest first.

    led is the event of that visitor; None: nobody decides on it.
    """

    event_id: UUID
    events: Sequence[Event]
    led: Event | None
    clicks: Sequence[CandidateClick]
    entries: Sequence[KeptEntry]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an event counts for what it counts for, by what is known now."""

    candidates: Sequence[tuple[CandidateClick, ClickReason]]
    reason: str
    earning: Earning
    entries: Sequence[KeptEntry]


class EvidenceStore(Protocol):
    """Where evidence is kept. A Protocol, since the store imports what it keeps from here."""

    async def evidence(self, business_id: str, event_id: UUID) -> Evidence | None:
        """Return what is known of an event; None where there is none."""


class Explanations:
    """Explains events."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store

    async def explain(self, business_id: str, event: str) -> Explanation:
        """Return the explanation of an event. Raises `EVENT_UNKNOWN`."""
        event_id = uuid_of(event)
        evidence = None if event_id is None else await self._store.evidence(business_id, event_id)
        if evidence is None:
            raise unknown_event()
        return explain(evidence)


def explain(evidence: Evidence) -> Explanation:
    """Return the explanation that evidence gives."""
    earning = earnings(evidence.events)[evidence.event_id]
    if evidence.led is None:
        return Explanation([], _CONTESTED, earning, evidence.entries)
    candidates = judge(evidence.led, evidence.clicks)
    reason = _reason(evidence.led, candidates)
    is_own = evidence.led.id == evidence.event_id
    return Explanation(candidates, reason if is_own else _FOLLOWS + reason, earning, evidence.entries)


def led_by(events: Sequence[Event], event_id: UUID) -> list[Event]:
    """Return the events whose visitors' clicks decide on an event, the first who clicked: itself, or of its order."""
    by_id = {event.id: event for event in events}
    return [by_id[one] for one in leads(event_id, earnings(events)[event_id])]


def unknown_event() -> ClicktrailError:
    """Return the error for an event that there is not."""
    return not_found(Reason.EVENT_UNKNOWN, "There is no such event.", "event")


def _reason(event: Event, candidates: Sequence[tuple[CandidateClick, ClickReason]]) -> str:
    for _, reason in candidates:
        if reason is ClickReason.LATEST:
            return str(reason)
        if reason is ClickReason.OUTRUN and event.other_source is not None:
            return f"{reason}: {event.other_source.name}"
    return _NOT_ELIGIBLE if candidates else _NO_CLICK
