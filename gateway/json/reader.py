"""Reads the JSON of the API into messages, by their descriptors, and finds all faults of it at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1.types_pb2 import Json
from common.clock import timezones
from common.errors import Fault, field_fault
from common.field_rules import rules_of
from common.json_names import enum_words, is_internal, key_of
from gateway.json import values
from gateway.json.text import Num, Value, is_plain
from gateway.json.values import WrongValueError

Reader: TypeAlias = Callable[[Value], Any]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    is_repeated: bool
    is_message: bool
    is_object: bool
    """Whether it is written as an object."""
    read: Reader | None
    """Reads a single value. None: a message, to be filled key by key."""


def fill(
    message: Message, members: dict[str, Value], faults: list[Fault], path: str = "", *, is_strict: bool = False
) -> None:
    """Set a message's fields from an object. Null, and `[]` for an object, are absent.

    Adds a fault per wrong value, its parameter the dotted path from `path` on, such as "recipients.3.profile"; where
    is_strict, per unknown key too, else those are ignored.
    """
    fields = _fields(message.DESCRIPTOR)
    if is_strict:
        faults.extend(_fault(path + key, "is unknown here") for key in members if key not in fields)
    for key, field in fields.items():
        value = members.get(key)
        # PHP writes an empty object as an empty list.
        if value is None or (value == [] and field.is_object):
            continue
        if field.is_repeated:
            _fill_list(getattr(message, field.name), field, value, faults, path + key, is_strict=is_strict)
        elif field.read is None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill_object(inner, value, faults, path + key, is_strict=is_strict)
        elif (read := _read(field.read, value, faults, path + key)) is not None:
            _set(message, field, read)


def fill_from_path(message: Message, values: Mapping[str, str], faults: list[Fault]) -> None:
    """Set a message's texts from the placeholders of a path, by name. Adds a fault per wrong value."""
    for name, text in values.items():
        if is_plain(text):
            setattr(message, name, text)
        else:
            faults.append(_fault(name, "must not contain NUL"))


def members_of_query(descriptor: Descriptor, parameters: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Return the parameters of a query as the object that `fill` takes. Of a repeated one, the last counts.

    Beside a time zone a time needs no offset, and a day begins at its midnight: `from=2026-05-04`.
    """
    members: dict[str, Value] = {}
    numbers = {key_of(field) for field in descriptor.fields if field.cpp_type in _NUMBERS}
    for key, text in parameters:
        members[key] = Num(text) if key in numbers else _WORDS.get(text, text) if _is_bool(descriptor, key) else text
    zone = members.get("timezone")
    if isinstance(zone, str) and zone in timezones():
        times = [key_of(field) for field in descriptor.fields if field.message_type == Timestamp.DESCRIPTOR]
        members |= {key: _in_zone(sent, zone) for key in times if isinstance(sent := members.get(key), str)}
    return members


def _in_zone(text: str, zone: str) -> str:
    """Return a time that was written without an offset with that of a time zone; anything else as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone)).isoformat()


def keys_known(descriptor: Descriptor, members: Iterable[str]) -> list[str]:
    """Return the names of the fields that these keys stand for, without unknown ones."""
    fields = _fields(descriptor)
    return [fields[key].name for key in members if key in fields]


@cache
def _fields(descriptor: Descriptor) -> dict[str, _Field]:
    return {key_of(field): _field(field) for field in descriptor.fields if not is_internal(field)}


def _field(field: FieldDescriptor) -> _Field:
    is_message = field.message_type is not None
    is_object = is_message and not field.is_repeated and field.message_type is not Timestamp.DESCRIPTOR
    return _Field(field.name, field.is_repeated, is_message, is_object, _reader_of(field))


def _reader_of(field: FieldDescriptor) -> Reader | None:
    if field.message_type is not None:
        return _OF_MESSAGES.get(field.message_type.full_name)
    if field.enum_type is not None:
        return _enum_reader(field.enum_type)
    if rules_of(field).is_prose:
        return values.read_prose
    return _OF_TYPES[field.cpp_type]


def _enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = {word: number for number, word in enum_words(enum).items()}
    wanted = "must be " + " or ".join(f'"{word}"' for word in numbers)

    def read(value: Value) -> int:
        number = numbers.get(value) if isinstance(value, str) else None
        if number is None:
            raise WrongValueError(wanted)
        return number

    return read


def _fill_list(  # noqa: PLR0913  (the arguments of `fill`, and the field)
    container: Any, field: _Field, value: Value, faults: list[Fault], path: str, *, is_strict: bool
) -> None:
    if not isinstance(value, list):
        faults.append(_fault(path, "must be a list"))
        return
    for index, inner in enumerate(value):
        where = f"{path}.{index}"
        if field.read is None:
            _fill_object(container.add(), inner, faults, where, is_strict=is_strict)
        elif (read := _read(field.read, inner, faults, where)) is not None:
            container.append(read)


def _fill_object(message: Message, value: Value, faults: list[Fault], path: str, *, is_strict: bool) -> None:
    if isinstance(value, dict):
        fill(message, value, faults, path + ".", is_strict=is_strict)
    else:
        faults.append(_fault(path, "must be an object"))


def _read(read: Reader, value: Value, faults: list[Fault], path: str) -> Any:
    try:
        return read(value)
    except WrongValueError as error:
        faults.append(_fault(path, str(error)))
        return None


def _set(message: Message, field: _Field, value: Any) -> None:
    if field.is_message:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _fault(path: str, what: str) -> Fault:
    return field_fault(path, f"{what}.")


def _is_bool(descriptor: Descriptor, key: str) -> bool:
    field = descriptor.fields_by_name.get(key)
    return field is not None and field.cpp_type == FieldDescriptor.CPPTYPE_BOOL


_NUMBERS = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_DOUBLE})
_WORDS: dict[str, Value] = {"true": True, "false": False}
_OF_MESSAGES: dict[str, Reader] = {
    Timestamp.DESCRIPTOR.full_name: values.read_time,
    Json.DESCRIPTOR.full_name: values.read_object,
}
_OF_TYPES: dict[int, Reader] = {
    FieldDescriptor.CPPTYPE_STRING: values.read_text,
    FieldDescriptor.CPPTYPE_BOOL: values.read_bool,
    FieldDescriptor.CPPTYPE_INT32: partial(values.read_int, bits=32),
    FieldDescriptor.CPPTYPE_INT64: partial(values.read_int, bits=64),
    FieldDescriptor.CPPTYPE_DOUBLE: values.read_float,
}
