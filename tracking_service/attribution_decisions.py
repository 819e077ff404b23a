"""Decide what events count for, and where: what they earn, credited to the click that led to them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from tracking_service.attribution import Click, Event, decide
from tracking_service.attribution_earnings import Earning, earnings


@dataclass(frozen=True, slots=True)
class Credit:
    """What an event counts for. Without a click it counts for the business alone.

    revenue_minor is below zero where the event takes back; None: it earns nothing.
    """

    click: Click | None
    conversions: int
    revenue_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class VisitorClicks:
    """Clicks of one business by session and by person."""

    of_session: dict[str, list[Click]]
    of_person: dict[int, list[Click]]

    def of(self, event: Event) -> Sequence[Click]:
        """Return the clicks of an event's session and person, perhaps twice."""
        in_session = [] if event.session is None else self.of_session.get(event.session, [])
        by_person = [] if event.profile_key is None else self.of_person.get(event.profile_key, [])
        return [*in_session, *by_person]


def clicks_by_visitor(clicks: Iterable[Click]) -> VisitorClicks:
    """Sort clicks by session and by person, so that each event is judged by its own visitor's alone."""
    sorted_ = VisitorClicks({}, {})
    for click in clicks:
        sorted_.of_session.setdefault(click.session, []).append(click)
        if click.profile_key is not None:
            sorted_.of_person.setdefault(click.profile_key, []).append(click)
    return sorted_


def decide_all(events: Iterable[Event], clicks: VisitorClicks) -> dict[UUID, Credit | None]:
    """Return what each event counts for; None: for nothing, since another one stands in its place.

    All events of each order must be among them, and all clicks of their visitors. What takes back from an order is
    credited to the click that the order is credited to.
    """
    by_id = {event.id: event for event in events}
    return {
        event_id: _credit(by_id[earning.follows or event_id], earning, clicks)
        for event_id, earning in earnings(by_id.values()).items()
    }


def _credit(led: Event, earning: Earning, clicks: VisitorClicks) -> Credit | None:
    if not earning.is_counted:
        return None
    click = decide(led, clicks.of(led))
    return Credit(click, earning.conversions, earning.revenue_minor, earning.currency)
