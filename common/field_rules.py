"""What the protos say of fields beside their types: limits, older names, whether a request must bring them.

To be asked when modules are imported or routes are made, not for each request.
"""

import re
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from clicktrail.common.v1 import options_pb2
from clicktrail.common.v1.options_pb2 import FieldRules

# What a field does not take over from the one that it is like.
_OWN = ("required", "like", "aliases", "value_aliases")

# Clients take them out of a path before they send it, percent-encoded or not: no id that stands in one may be so.
PATH_STEPS = frozenset({".", ".."})
# What programs write for an id where they know nobody: all whom they do not know would be one person.
NOBODYS_IDS = frozenset({"undefined", "null", "NaN", "None", "[object Object]"})
NOBODYS_ID = "is what a script makes of nothing, and nobody's id."


def rules(message: type[Message], name: str) -> FieldRules:
    """Return the rules of a message's field. Raises `KeyError` where it has no such field."""
    return rules_of(message.DESCRIPTOR.fields_by_name[name])


@cache
def rules_of(field: FieldDescriptor) -> FieldRules:
    """Return the rules of a field, with the limits of the field that it is like. Not to be changed."""
    own = field.GetOptions().Extensions[options_pb2.field]
    if not own.like:
        return own
    found: Any = FieldRules()
    found.CopyFrom(rules_of(descriptor_pool.Default().FindFieldByName(own.like)))
    for name in _OWN:
        found.ClearField(name)
    found.MergeFrom(own)
    merged: FieldRules = found
    return merged


def expression_of(limits: FieldRules) -> str:
    """Return the regular expression of a whole text within these limits; "" where any characters will do."""
    if not limits.characters:
        return limits.pattern
    fewest, most = limits.min_length, limits.max_length
    return f"{limits.characters}{{{most}}}" if fewest == most else f"{limits.characters}{{{fewest},{most}}}"


def pattern_of(limits: FieldRules) -> re.Pattern[str]:
    """Return what a text within these limits matches as a whole; they limit its characters."""
    return re.compile(expression_of(limits), re.ASCII)


def objection_to_id(text: str) -> str:
    """Return what stands against a profile's id whose characters will do, as a predicate; "" where nothing does."""
    if text in PATH_STEPS:
        return "cannot be a step of a path: no address would lead to it."
    return NOBODYS_ID if text in NOBODYS_IDS else ""


def in_words(limits: FieldRules) -> str:
    """Return limits of characters for a person, such as "1 to 64 of `[A-Za-z0-9_-]`"."""
    return f"{limits.min_length} to {limits.max_length} of `{limits.characters}`"
