"""Decide which click an event is credited to, and what it earned: pure, over kept evidence, and versioned."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from tracking_service.catalogue import CATALOGUE, OURS

RULES_VERSION = 1
# An event with the session of a click that is younger by up to this much counts as at the click: clocks differ, and
# Unix seconds are cut off.
CLOCK_TOLERANCE = timedelta(minutes=10)

# An order earns once, from the first of these that has an amount.
ORDER_EARNS_FROM = ("order.placed", "order.confirmed", "order.shipped", "order.delivered")
PURCHASE = "product.purchased"
SPENDING = "app.spent"


@dataclass(frozen=True, slots=True)
class Click:
    """A click that minted a session, and what its link belongs to."""

    id: UUID
    session: str
    profile_key: int | None
    clicked_at: datetime
    link: str | None
    campaign: str | None
    journey: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event, whose it is now, and the settings of its business that decide on it.

    names_order tells of a purchase that it is part of an order; is_conversion, that its action is marked so.
    """

    id: UUID
    action: str
    session: str | None
    profile_key: int | None
    occurred_at: datetime
    object_id: UUID | None
    amount_minor: int | None
    currency: str | None
    names_order: bool
    is_conversion: bool
    window: timedelta

    @property
    def has_amount(self) -> bool:
        """Whether there is something to earn; nothing is earned with an amount of zero."""
        return bool(self.amount_minor)


class Reason(StrEnum):
    """Why a click wins or loses."""

    LATEST = "the latest click"
    EARLIER = "a later click came before the event"
    STRANGER = "another visitor's click"
    AFTER = "clicked after the event"
    TOO_OLD = "clicked before the attribution window"


@dataclass(frozen=True, slots=True)
class Credit:
    """What an event counts for. Without a click it counts for the business alone; revenue None: it earns nothing."""

    click: Click | None
    conversions: int
    revenue_minor: int | None
    currency: str | None


def refusal(event: Event, click: Click) -> Reason | None:
    """Return why an event cannot be credited to a click; None where it can."""
    is_same_session = event.session is not None and event.session == click.session
    is_same_person = event.profile_key is not None and event.profile_key == click.profile_key
    if not is_same_session and not is_same_person:
        return Reason.STRANGER
    if click.clicked_at > event.occurred_at + (CLOCK_TOLERANCE if is_same_session else timedelta()):
        return Reason.AFTER
    return Reason.TOO_OLD if event.occurred_at - click.clicked_at > event.window else None


def decide(event: Event, clicks: Iterable[Click]) -> Click | None:
    """Return the click that an event is credited to: the latest eligible one."""
    eligible = [click for click in clicks if refusal(event, click) is None]
    return max(eligible, key=lambda click: (click.clicked_at, click.id), default=None)


def earners(events: Iterable[Event]) -> set[UUID]:
    """Return which events earn. All order events of each order must be among them."""
    events = list(events)
    earning = {event.id for event in events if _earns_alone(event)}
    of_orders: dict[UUID, Event] = {}
    for event in events:
        if event.action in ORDER_EARNS_FROM and event.object_id is not None and event.has_amount:
            first = of_orders.setdefault(event.object_id, event)
            of_orders[event.object_id] = min(first, event, key=lambda one: ORDER_EARNS_FROM.index(one.action))
    return earning | {event.id for event in of_orders.values()}


def credit(event: Event, clicks: Iterable[Click], *, earns: bool) -> Credit:
    """Return what an event counts for, given the clicks of its visitor and whether it earns."""
    return Credit(
        click=decide(event, clicks),
        conversions=int(earns or event.is_conversion),
        revenue_minor=event.amount_minor if earns else None,
        currency=event.currency if earns else None,
    )


def names_order(object_text: str | None) -> bool:
    """Tell whether the object of a purchase, a JSON text, names the order that the purchase is part of."""
    if object_text is None:
        return False
    parameters = json.loads(object_text, parse_int=str, parse_float=str)
    return isinstance(parameters, dict) and parameters.get("order") not in (None, "", {})


def _earns_alone(event: Event) -> bool:
    if not event.has_amount:
        return False
    if event.action == PURCHASE:
        return not event.names_order
    is_custom = event.action not in CATALOGUE and event.action not in OURS
    return event.action == SPENDING or is_custom


def clicks_by_visitor(clicks: Iterable[Click]) -> "VisitorClicks":
    """Sort clicks by session and by person, so that each event is judged by its own visitor's alone."""
    sorted_ = VisitorClicks({}, {})
    for click in clicks:
        sorted_.of_session.setdefault(click.session, []).append(click)
        if click.profile_key is not None:
            sorted_.of_person.setdefault(click.profile_key, []).append(click)
    return sorted_


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
