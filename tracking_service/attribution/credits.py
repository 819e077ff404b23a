"""Decide what events count for: what they earn or take back, credited to the click that led to them. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tracking_service.actions.catalogue import is_custom
from tracking_service.attribution.rules import CandidateClick, Event, Provenance, decide, has_click
from tracking_service.money import LARGEST, AmountError, parse_minor

# An order earns once, from the first of these that has an amount.
ORDER_EARNS_FROM = ("order.placed", "order.confirmed", "order.shipped", "order.delivered")
CANCELLED = "order.cancelled"
REFUNDED = "refund.received"
ORDER_ACTIONS = (*ORDER_EARNS_FROM, CANCELLED)
# What is told of orders, with what gives back.
OF_ORDERS = frozenset({*ORDER_ACTIONS, REFUNDED})
PURCHASE = "product.purchased"
SPENDING = "app.spent"
_EARNING = frozenset({*OF_ORDERS, PURCHASE, SPENDING})


class Worth(StrEnum):
    """Why an event earns, takes back, or does neither."""

    ORDER = "it is the first step of its order with an amount"
    FREE = "it is the first step of its order, which is free"
    ALONE = "its action earns by itself"
    MARKED = "its action is marked as a conversion"
    TAKES_BACK = "it takes back what its order earned"
    NOTHING = "its action earns nothing"
    NO_AMOUNT = "it has no amount"
    BEYOND_CEILING = "its amount is larger than what the business believes pages"
    NOT_FIRST = "an earlier step of its order earns"
    PART_OF_ORDER = "it is part of an order, which earns for it"
    SUPERSEDED = "what a private token says of the same step stands in its place"
    RETOLD = "what another page said of the same step stands in its place"
    UNPROVED = "a private token speaks of its order, so that no amount of a page earns in it"
    FROM_PAGE = "sent by a page, it takes nothing back"
    OTHER_CURRENCY = "its order earned in another currency"
    NOTHING_LEFT = "nothing of its order is left"
    NO_ORDER = "it names no order that earned"


@dataclass(frozen=True, slots=True)
class Earning:
    """What an event earns: below zero what it takes back; None: neither.

    Neither has a provenance where it counts as an event alone. led_by are the events whose visitors' clicks it may be
    credited to, the first who clicked; None: its own. is_counted False: it counts as nothing, not even an event.
    """

    worth: Worth
    conversions: int = 0
    revenue_minor: int | None = None
    currency: str | None = None
    provenance: Provenance | None = None
    led_by: tuple[UUID, ...] | None = None
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class _Order:
    """What is decided of an order: the step that earns, and the events whose visitors' clicks may have led to it."""

    standing: Sequence[Event]
    earner: Event | None
    led_by: tuple[UUID, ...]
    is_confirmed: bool


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
        return Earning(worth, 1, event.amount_minor, event.currency, event.provenance)
    return Earning(Worth.MARKED, 1, provenance=event.provenance) if event.is_conversion else Earning(worth)


def _worth_alone(event: Event) -> Worth:
    if event.action in (CANCELLED, REFUNDED):
        return Worth.NO_ORDER
    if event.action not in (PURCHASE, SPENDING) and not is_custom(event.action):
        return Worth.NOTHING
    if not event.has_amount:
        return _without_amount(event)
    return Worth.PART_OF_ORDER if event.action == PURCHASE and event.names_order else Worth.ALONE


def _without_amount(event: Event) -> Worth:
    return Worth.BEYOND_CEILING if event.is_beyond_ceiling else Worth.NO_AMOUNT


def _of_order(events: Sequence[Event]) -> Iterator[tuple[UUID, Earning]]:
    """Yield what each event of one order earns."""
    order = _decided(events)
    left = 0 if order.earner is None else order.earner.amount_minor or 0
    for event in sorted(order.standing, key=lambda event: (event.occurred_at, event.id)):
        if event.action not in ORDER_EARNS_FROM:
            earning = _taken_back(event, order, left)
            left += earning.revenue_minor or 0
            yield event.id, earning
    is_cancelled = any(event.action == CANCELLED and event.is_private for event in order.standing)
    # It stays a conversion until nothing of it is left; of a free one nothing ever is: it stays until it is cancelled.
    is_kept = not is_cancelled if order.earner is not None and order.earner.is_free else left > 0
    for event in order.standing:
        if event.action in ORDER_EARNS_FROM:
            yield event.id, _earned(event, order, is_kept=is_kept)
    counted = {event.id for event in order.standing}
    private = _told_privately(events)
    for event in events:
        if event.id not in counted:
            yield event.id, Earning(Worth.SUPERSEDED if event.action in private else Worth.RETOLD, is_counted=False)


def _decided(events: Sequence[Event]) -> _Order:
    """Return which events of an order stand, and which one earns.

    Where a private token tells of any step, no page's amount earns; the click is that of whom it names, else of the
    pages' visitor. Where pages of different visitors tell, what was said first earns, and nobody's click led to it.
    """
    standing = _standing(events)
    steps = [event for event in standing if event.action in ORDER_EARNS_FROM]
    is_confirmed = any(step.is_private for step in steps)
    earner = min(
        _priced([step for step in steps if step.is_private or not is_confirmed]),
        key=lambda step: (ORDER_EARNS_FROM.index(step.action), step.occurred_at, step.id),
        default=None,
    )
    told = _told_by_pages(events)
    is_contested = any(not page.is_same_visitor(told[0]) for page in told)
    if earner is None:
        return _Order(standing, None, (), is_confirmed)
    if is_confirmed:
        led_by = [page.id for page in told[:1] if not is_contested and not page.is_known_apart(earner)]
        return _Order(standing, earner, (earner.id, *led_by), is_confirmed)
    if is_contested:
        return _Order(standing, told[0], (), is_confirmed)
    return _Order(standing, earner, (earner.id,), is_confirmed)


def _standing(events: Sequence[Event]) -> list[Event]:
    """Return what stands: each refund, and of each step one event: a private token's before a page's, then the first.

    A private token tells a step twice where it knew the order by two references before it was told that they are one.
    """
    first: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: (not event.is_private, *_told_rank(event))):
        first.setdefault(event.action, event)
    return [event for event in events if event.action == REFUNDED or first[event.action] is event]


def _told_privately(events: Iterable[Event]) -> set[str]:
    """Return the actions that a private token tells of an order; each refund is one of its own."""
    return {event.action for event in events if event.is_private and event.action != REFUNDED}


def _told_by_pages(events: Iterable[Event]) -> list[Event]:
    """Return what pages say of an order's steps, first said first: where any has an amount, those that have one."""
    pages = sorted(
        (event for event in events if not event.is_private and event.action in ORDER_EARNS_FROM), key=_told_rank
    )
    return _priced(pages) or pages


def _priced(steps: Sequence[Event]) -> list[Event]:
    """Return the steps with an amount; where none has, those that say the order is free."""
    return [step for step in steps if step.has_amount] or [step for step in steps if step.is_free]


def _told_rank(event: Event) -> tuple[bool, datetime, UUID]:
    """Rank words of one step by when we received them: what a page says of the time may be anything."""
    return not event.has_amount, event.received_at, event.id


def _earned(step: Event, order: _Order, *, is_kept: bool) -> Earning:
    """Return what a step of an order earns; is_kept: whether the order is still a conversion."""
    if step is order.earner:
        worth, conversions = Worth.FREE if step.is_free else Worth.ORDER, int(is_kept)
        return Earning(worth, conversions, step.amount_minor, step.currency, step.provenance, order.led_by)
    if not step.has_amount:
        return Earning(_without_amount(step))
    return Earning(Worth.UNPROVED if order.is_confirmed and not step.is_private else Worth.NOT_FIRST)


def _taken_back(event: Event, order: _Order, left: int) -> Earning:
    """Return what a refund or cancellation takes back of what is left of its order."""
    earner = order.earner
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
        return Earning(worth, led_by=order.led_by)
    return Earning(worth, 0, -taken, earner.currency, earner.provenance, order.led_by)


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
    provenance: Provenance | None


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
        event_id: _credit([by_id[one] for one in leads(event_id, earning)], earning, clicks)
        for event_id, earning in earnings(by_id.values()).items()
    }


def leads(event_id: UUID, earning: Earning) -> tuple[UUID, ...]:
    """Return the events whose visitors' clicks an event may be credited to, in turn."""
    return (event_id,) if earning.led_by is None else earning.led_by


def _credit(led_by: Iterable[Event], earning: Earning, clicks: VisitorClicks) -> Credit | None:
    if not earning.is_counted:
        return None
    led = next((event for event in led_by if has_click(event, clicks.of(event))), None)
    click = None if led is None else decide(led, clicks.of(led))
    return Credit(click, earning.conversions, earning.revenue_minor, earning.currency, earning.provenance)
