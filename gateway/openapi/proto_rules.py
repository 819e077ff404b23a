"""The rules that the protos give fields, in the words of JSON Schema."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from clicktrail.common.v1.options_pb2 import FieldRules
from common.field_rules import expression_of, rules_of

_WHOLE = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64})


def limits_of(field: FieldDescriptor) -> dict[str, Any]:
    """Return the limits of what a field holds: of a list, how many items; else those of its value."""
    if not field.is_repeated:
        return value_limits_of(field)
    limits = rules_of(field)
    return _without_zeros({"minItems": limits.min_items, "maxItems": limits.max_items})


def value_limits_of(field: FieldDescriptor) -> dict[str, Any]:
    """Return the limits of a field's value; of a list, those of each item."""
    limits = rules_of(field)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _limits_of_text(limits)
    if field.cpp_type not in _WHOLE:
        return {}
    least = {"minimum": limits.minimum} if limits.HasField("minimum") else {}
    return least | ({"maximum": limits.maximum} if limits.HasField("maximum") else {})


def _limits_of_text(limits: FieldRules) -> dict[str, Any]:
    found = {"format": limits.format} if limits.format else {}
    if expression := expression_of(limits):
        found["pattern"] = f"^{expression}$"
    if limits.characters:
        return found
    return found | _without_zeros({"minLength": limits.min_length, "maxLength": limits.max_length})


def _without_zeros(limits: dict[str, int]) -> dict[str, Any]:
    return {word: number for word, number in limits.items() if number}
