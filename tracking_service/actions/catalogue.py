"""The built-in actions, as one table."""

from dataclasses import dataclass

from clicktrail.tracking.v1.event_pb2 import Event
from common.field_rules import rules


@dataclass(frozen=True, slots=True)
class Action:
    """What a built-in action needs.

    `needs` is the type of the object that it cannot do without; `once` tells that an object has it once.
    """

    needs: str | None = None
    once: bool = False


CATALOGUE: dict[str, Action] = {
    "app.installed": Action("app"),
    "app.removed": Action("app"),
    "app.spent": Action("app"),
    "cart.abandoned": Action("product"),
    "cart.added": Action("product"),
    "cart.removed": Action("product"),
    "cart.viewed": Action(),
    "checkout.started": Action(),
    "coupon.redeemed": Action("coupon"),
    "form.completed": Action("form"),
    "order.placed": Action("order", once=True),
    "order.confirmed": Action("order", once=True),
    "order.cancelled": Action("order", once=True),
    "order.shipped": Action("order", once=True),
    "order.delivered": Action("order", once=True),
    "page.viewed": Action(),
    "product.purchased": Action("product"),
    "product.viewed": Action("product"),
    "refund.requested": Action("refund"),
    "refund.received": Action("refund"),
    "subscribed": Action(),
    "unsubscribed": Action(),
}
# Older names that are still sent.
ALIASES = {older.alias: older.value for older in rules(Event, "action").value_aliases}
# Made by us alone.
CLICKED = "short_link.clicked"
OURS = frozenset({CLICKED, "message.delivered"})


def is_custom(action: str) -> bool:
    """Tell whether an action can only be one of a business's own."""
    return action not in CATALOGUE and action not in OURS
