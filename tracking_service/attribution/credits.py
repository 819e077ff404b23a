"""Decide what events count for: what they earn or take back, credited to the click that led to them. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tracking_service.actions.catalogue import is_custom
from tracking_service.attribution.rules import CandidateClick, Event, decide
from tracking_service.money import LARGEST, AmountError, parse_minor

# An order earns once, from the first of these that has an amount.
ORDER_EARNS_FROM = ("order.placed", "order.confirmed", "order.shipped", "order.delivered")
CANCELLED = "order.cancelled"
REFUNDED = "refund.received"
ORDER_ACTIONS = (*ORDER_EARNS_FROM, CANCELLED)
PURCHASE = "product.purchased"
SPENDING = "app.spent"
_EARNING = frozenset({*ORDER_ACTIONS, REFUNDED, PURCHASE, SPENDING})


class Worth(StrEnum):
    """Why an event earns, takes back, or does neither."""

    ORDER = "it is the first step of its order with an amount"
    FREE = "it is the first step of its order, which is free"
    ALONE = "its action earns by itself"
    MARKED = "its action is marked as a conversion"
    TAKES_BACK = "it takes back what its order earned"
    NOTHING = "its action earns nothing"
    NO_AMOUNT = "it has no amount"
    NOT_FIRST = "an earlier step of its order earns"
    PART_OF_ORDER = "it is part of an order, which earns for it"
    SUPERSEDED = "what a private token says of the same step stands in its place"
    FROM_PAGE = "sent by a page, it takes nothing back"
    OTHER_CURRENCY = "its order earned in another currency"
    NOTHING_LEFT = "nothing of its order is left"
    NO_ORDER = "it names no order that earned"


@dataclass(frozen=True, slots=True)
class Earning:
    """What an event earns: below zero what it takes back; None: neither.

    follows is the event of its order whose click it shares. is_counted False: it counts as nothing, not even an event.
    """

    worth: Worth
    conversions: int = 0
    revenue_minor: int | None = None
    currency: str | None = None
    follows: UUID | None = None
    is_counted: bool = True


def earnings(events: Iterable[Event]) -> dict[UUID, Earning]:
    """Return what each event earns. All events of each order must be among them."""
    found: dict[UUID, Earning] = {}
    orders: dict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        if event.order_id is not None and event.action in (*ORDER_ACTIONS, REFUNDED):
            orders[event.order_id].append(event)
        else:
            found[event.id] = _alone(event)
    for of_order in orders.values():
        found.update(_of_order(of_order))
    return found


def never_earns(action: str) -> bool:
    """Tell whether events of an action count as events and nothing more, whatever else is known."""
    return action not in _EARNING and not is_custom(action)


def names_order(object_text: str | None) -> bool:
    """Tell whether the object of a purchase, a JSON text, names the order that the purchase is part of."""
    if object_text is None:
        return False
    parameters = json.loads(object_text, parse_int=str, parse_float=str)
    order = parameters.get("order") if isinstance(parameters, dict) else None
    return order not in (None, {}) and str(order).strip() != ""


def _alone(event: Event) -> Earning:
    worth = _worth_alone(event)
    if worth is Worth.ALONE:
        return Earning(worth, 1, event.amount_minor, event.currency)
    return Earning(Worth.MARKED, 1) if event.is_conversion else Earning(worth)


def _worth_alone(event: Event) -> Worth:
    if event.action in (CANCELLED, REFUNDED):
        return Worth.NO_ORDER
    if event.action not in (PURCHASE, SPENDING) and not is_custom(event.action):
        return Worth.NOTHING
    if not event.has_amount:
        return Worth.NO_AMOUNT
    return Worth.PART_OF_ORDER if event.action == PURCHASE and event.names_order else Worth.ALONE


def _of_order(events: Sequence[Event]) -> Iterator[tuple[UUID, Earning]]:
    """Yield what each event of one order earns."""
    valid = list(_without_superseded(events))
    steps = [event for event in valid if event.action in ORDER_EARNS_FROM]
    earner = _earner(steps)
    left = 0 if earner is None else earner.amount_minor or 0
    # Nothing of a free order is ever left: it stays until it is cancelled.
    is_standing = not any(event.action == CANCELLED and event.is_private for event in valid)
    for event in sorted(valid, key=lambda event: (event.occurred_at, event.id)):
        if event.action not in ORDER_EARNS_FROM:
            earning = _taken_back(event, earner, left)
            left += earning.revenue_minor or 0
            yield event.id, earning
    for step in steps:
        if step is earner and step.is_free:
            yield step.id, Earning(Worth.FREE, int(is_standing), 0, step.currency)
        elif step is earner:
            # It stays a conversion until nothing of it is left.
            yield step.id, Earning(Worth.ORDER, int(left > 0), step.amount_minor, step.currency)
        else:
            yield step.id, Earning(Worth.NOT_FIRST if step.has_amount else Worth.NO_AMOUNT)
    counted = {event.id for event in valid}
    for event in events:
        if event.id not in counted:
            yield event.id, Earning(Worth.SUPERSEDED, is_counted=False)


def _earner(steps: Sequence[Event]) -> Event | None:
    """Return the step that an order earns from: the first with an amount, else the first that says it is free."""
    priced = [step for step in steps if step.has_amount] or [step for step in steps if step.is_free]
    return min(priced, key=lambda step: (ORDER_EARNS_FROM.index(step.action), step.occurred_at, step.id), default=None)


def _without_superseded(events: Sequence[Event]) -> Iterator[Event]:
    """Yield what stands: of a step that a private token tells, nothing that a page says."""
    private = {event.action for event in events if event.is_private}
    for event in events:
        if event.is_private or event.action == REFUNDED or event.action not in private:
            yield event


def _taken_back(event: Event, earner: Event | None, left: int) -> Earning:
    """Return what a refund or cancellation takes back of what is left of its order."""
    if earner is None:
        return Earning(Worth.NO_ORDER)
    taken, worth = left, Worth.TAKES_BACK
    if event.action == REFUNDED:
        taken = min(left, _refunded_minor(event, earner))
        worth = Worth.TAKES_BACK if event.has_amount else Worth.NO_AMOUNT
        if event.said_amount is None and event.currency not in (None, earner.currency):
            taken, worth = 0, Worth.OTHER_CURRENCY
    if not event.is_private:
        taken, worth = 0, Worth.FROM_PAGE
    elif worth is Worth.TAKES_BACK and not taken:
        worth = Worth.NOTHING_LEFT
    if not taken:
        return Earning(worth, follows=earner.id)
    return Earning(worth, 0, -taken, earner.currency, follows=earner.id)


def _refunded_minor(refund: Event, earner: Event) -> int:
    """Return what a refund gives back, in minor units of its order's currency where it names none."""
    if refund.said_amount is None or earner.currency is None:
        return refund.amount_minor or 0
    try:
        return parse_minor(refund.said_amount, earner.currency)
    except AmountError:
        # It fits into the business's currency, and not into this one: more than any order has left.
        return LARGEST


@dataclass(frozen=True, slots=True)
class Credit:
    """What an event counts for. Without a click it counts for the business alone.

    revenue_minor is below zero where the event takes back; None: it earns nothing.
    """

    click: CandidateClick | None
    conversions: int
    revenue_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class VisitorClicks:
    """Clicks of one business by session and by person."""

    of_session: dict[str, list[CandidateClick]]
    of_person: dict[int, list[CandidateClick]]

    def of(self, event: Event) -> Sequence[CandidateClick]:
        """Return the clicks of an event's session and person, perhaps twice."""
        in_session = [] if event.session is None else self.of_session.get(event.session, [])
        by_person = [] if event.profile_key is None else self.of_person.get(event.profile_key, [])
        return [*in_session, *by_person]


def clicks_by_visitor(clicks: Iterable[CandidateClick]) -> VisitorClicks:
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
