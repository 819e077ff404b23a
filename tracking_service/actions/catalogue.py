"""The built-in actions, as the protos list them."""

from dataclasses import dataclass

from clicktrail.tracking.v1 import action_pb2
from clicktrail.tracking.v1.action_pb2 import BuiltInAction
from clicktrail.tracking.v1.event_pb2 import Event
from common.field_rules import rules


@dataclass(frozen=True, slots=True)
class Action:
    """What a built-in action needs.

    `needs` is the type of the object that it cannot do without; `once` tells that an object has it once.
    """

    needs: str | None = None
    once: bool = False


def _built_in() -> dict[str, Action]:
    options = [value.GetOptions().Extensions[action_pb2.action] for value in BuiltInAction.DESCRIPTOR.values]
    return {each.name: Action(each.object or None, once=each.once) for each in options if each.name}


CATALOGUE = _built_in()
# Older names that are still sent.
ALIASES = {older.alias: older.value for older in rules(Event, "action").value_aliases}
# Made by us alone.
CLICKED = "short_link.clicked"
OURS = frozenset({CLICKED, "message.delivered"})


def is_custom(action: str) -> bool:
    """Tell whether an action can only be one of a business's own."""
    return action not in CATALOGUE and action not in OURS
