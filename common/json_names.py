"""How fields and enum values are called in the JSON of the API."""

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from clicktrail.common.v1 import json_pb2


def key_of(field: FieldDescriptor) -> str:
    """Return a field's key: its name in the proto, or the `json_name` that the proto gives it."""
    first, *others = field.name.split("_")
    derived = first + "".join(word.capitalize() for word in others)
    return field.name if field.json_name == derived else field.json_name


def is_internal(field: FieldDescriptor) -> bool:
    """Tell whether a field stands in no JSON."""
    return bool(field.GetOptions().Extensions[json_pb2.internal])


def is_inline(field: FieldDescriptor) -> bool:
    """Tell whether the JSON of a field stands for its whole message."""
    return bool(field.GetOptions().Extensions[json_pb2.inline])


def shown_with(field: FieldDescriptor) -> str | None:
    """Return the field of the same message without which a field is left out; None: it is null where it is absent."""
    return field.GetOptions().Extensions[json_pb2.shown_with] or None


def enum_words(enum: EnumDescriptor) -> dict[int, str]:
    """Return the words of an enum's values, such as "event" for REPORT_BASIS_EVENT; without the one for "not set"."""
    prefix = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in enum.name).lstrip("_") + "_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in enum.values if value.number}
