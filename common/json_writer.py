"""Writes messages as the JSON of the API, by their descriptors."""

import json
import math
from collections.abc import Callable
from functools import cache
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1.types_pb2 import Json
from common.clock import from_timestamp, to_rfc3339
from common.json_names import enum_words, is_inline, is_internal, key_of, shown_with

Writer: TypeAlias = Callable[[Any], str]
Member: TypeAlias = Callable[[Any], str | None]
"""Writes one field of a message, or None where it is left out."""


def write(message: Message) -> str:
    """Return a message as JSON: every key is there, null where there is nothing; 64-bit integers are numbers."""
    inline, members = _plan(message.DESCRIPTOR)
    if inline is not None and message.HasField(inline):
        return write(getattr(message, inline))
    shown = [text for member in members if (text := member(message)) is not None]
    return "{" + ",".join(shown) + "}"


def write_field(message: Message, name: str) -> str:
    """Return the JSON of one field of a message."""
    return _value_of(message.DESCRIPTOR.fields_by_name[name])(message)


@cache
def _plan(descriptor: Descriptor) -> tuple[str | None, tuple[Member, ...]]:
    """Return the field that stands for the whole message, if there is one, and how to write all others."""
    inline = next((field.name for field in descriptor.fields if is_inline(field)), None)
    fields = (field for field in descriptor.fields if field.name != inline and not is_internal(field))
    return inline, tuple(_member(field) for field in fields)


def _member(field: FieldDescriptor) -> Member:
    key, value = f'"{key_of(field)}":', _value_of(field)
    witness = shown_with(field)
    if witness is None:
        return lambda message: key + value(message)
    return lambda message: key + value(message) if message.HasField(witness) else None


def _value_of(field: Any) -> Writer:
    name, one = field.name, _writer_of(field)
    if field.is_repeated:
        return lambda message: "[" + ",".join([one(value) for value in getattr(message, name)]) + "]"
    if field.has_presence:
        return lambda message: one(getattr(message, name)) if message.HasField(name) else "null"
    return lambda message: one(getattr(message, name))


def _writer_of(field: FieldDescriptor) -> Writer:
    if field.message_type is not None:
        return _OF_MESSAGES.get(field.message_type.full_name, write)
    if field.enum_type is not None:
        words = {number: f'"{word}"' for number, word in enum_words(field.enum_type).items()}
        return lambda number: words.get(number, "null")
    return _OF_TYPES[field.cpp_type]


def _write_double(value: float) -> str:
    return json.dumps(value) if math.isfinite(value) else "null"


def _write_timestamp(value: Timestamp) -> str:
    return f'"{to_rfc3339(from_timestamp(value))}"'


def _write_json(value: Json) -> str:
    return value.text.decode(errors="replace") or "null"


_OF_MESSAGES: dict[str, Writer] = {
    Timestamp.DESCRIPTOR.full_name: _write_timestamp,
    Json.DESCRIPTOR.full_name: _write_json,
}
_OF_TYPES: dict[int, Writer] = {
    FieldDescriptor.CPPTYPE_STRING: encode_basestring,
    FieldDescriptor.CPPTYPE_BOOL: lambda value: "true" if value else "false",
    FieldDescriptor.CPPTYPE_INT32: str,
    FieldDescriptor.CPPTYPE_INT64: str,
    FieldDescriptor.CPPTYPE_UINT32: str,
    FieldDescriptor.CPPTYPE_UINT64: str,
    FieldDescriptor.CPPTYPE_DOUBLE: _write_double,
}
