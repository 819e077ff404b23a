"""Writes a message as the HTTP API would: its field names, numbers as numbers, times as RFC 3339."""

from typing import TYPE_CHECKING, Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from common.clock import from_timestamp, to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence


def to_plain(message: Message) -> dict[str, Any]:
    """Return a message as JSON values; an optional field that is absent is null."""
    fields = cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields)
    return {_name(field): _value(message, field) for field in fields}


def _name(field: FieldDescriptor) -> str:
    """Return the JSON name where the proto sets one, else the field's own."""
    head, *tail = field.name.split("_")
    derived = head + "".join(word.capitalize() for word in tail)
    return field.name if field.json_name == derived else field.json_name


def _value(message: Message, field: FieldDescriptor) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_one(item, field) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _one(value, field)


def _one(value: Any, field: FieldDescriptor) -> Any:
    if isinstance(value, Timestamp):
        return to_rfc3339(from_timestamp(value))
    if isinstance(value, Message):
        return to_plain(value)
    if field.enum_type is not None:
        name = field.enum_type.values_by_number[value].name
        # `REPORT_BASIS_EVENT` is "event".
        return name.rpartition("_")[2].lower()
    return value
