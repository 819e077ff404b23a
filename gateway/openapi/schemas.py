"""Describes messages as JSON Schema, in the two forms that they have over HTTP: as sent and as shown."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1.types_pb2 import Json
from common.field_rules import rules_of
from common.json_names import enum_words, is_inline, is_internal, key_of, shown_with
from gateway.http.operation import Schema, Sent, Shape, Shown
from gateway.openapi.proto_comments import comment_of
from gateway.openapi.proto_rules import limits_of, value_limits_of

MutableSchema = dict[str, Any]


class Schemas:
    """Collects the schemas of all messages that are asked for, each once."""

    def __init__(self, components: dict[str, Schema]) -> None:
        self.components = dict(components)

    def of(self, shape: Shape) -> Schema:
        """Return the schema of a body."""
        if isinstance(shape, Shown):
            return self._shown(shape.descriptor)
        return self._sent(shape) if isinstance(shape, Sent) else shape

    def _shown(self, descriptor: Descriptor) -> Schema:
        return self._component(descriptor.name, lambda: self._shown_object(descriptor))

    def _shown_object(self, descriptor: Descriptor) -> MutableSchema:
        fields = [field for field in descriptor.fields if not is_internal(field) and not is_inline(field)]
        schema = {
            "type": "object",
            "properties": {key_of(field): _described(field, self._shown_value(field)) for field in fields},
            "required": [key_of(field) for field in fields if shown_with(field) is None],
        }
        inline = next((field for field in descriptor.fields if is_inline(field)), None)
        inner: Any = inline and inline.message_type
        return schema if inner is None else {"anyOf": [self._shown(inner), schema]}

    def _shown_value(self, field: FieldDescriptor) -> Schema:
        inner = field.message_type
        one = self._shown(inner) if inner is not None and inner.full_name not in _SCALARS else scalar(field)
        if field.is_repeated:
            return {"type": "array", "items": {**one, **value_limits_of(field)}}
        limited = {**one, **limits_of(field)}
        return _or_null(limited) if field.has_presence or field.enum_type is not None else limited

    def _sent(self, sent: Sent) -> Schema:
        if sent.without or sent.required or sent.is_change:
            return self._sent_object(sent)
        name = sent.descriptor.name
        # A resource is shown with more than is sent of it.
        named = name if name.endswith("Request") else f"{name}ToSend"
        return self._component(named, lambda: self._sent_object(sent))

    def _sent_object(self, sent: Sent) -> MutableSchema:
        fields = [field for field in _read(sent.descriptor) if field.name not in sent.without]
        required = {field.name for field in fields if rules_of(field).required} | set(sent.required)
        properties = {
            key_of(field): _described(field, self._sent_value(field, is_required=field.name in required))
            for field in fields
        }
        schema: MutableSchema = {"type": "object", "properties": properties}
        if required and not sent.is_change:
            schema["required"] = [key_of(field) for field in fields if field.name in required]
        return schema

    def _sent_value(self, field: FieldDescriptor, *, is_required: bool) -> Schema:
        inner = field.message_type
        one = self._sent(Sent(inner)) if inner is not None and inner.full_name not in _SCALARS else scalar(field)
        if field.is_repeated:
            one = {"type": "array", "items": {**one, **value_limits_of(field)}}
        limited = {**one, **limits_of(field)}
        if "pattern" in limited and not field.has_presence and not is_required:
            # An empty text is as good as none.
            limited["pattern"] = f"{limited['pattern']}|^$"
        return limited if is_required else _or_null(limited)

    def _component(self, name: str, make: Callable[[], MutableSchema]) -> Schema:
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = make()
        return {"$ref": f"#/components/schemas/{name}"}


def _read(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    return (field for field in descriptor.fields if not is_internal(field))


def _described(field: FieldDescriptor, schema: Schema) -> Schema:
    text = " ".join(comment_of(field).split())
    return {**schema, "description": text} if text else schema


def _or_null(schema: Schema) -> Schema:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def scalar(field: FieldDescriptor) -> MutableSchema:
    """Return the schema of a field that is no object of its own, whatever its comment says of limits."""
    if field.message_type is not None:
        return dict(_SCALARS[field.message_type.full_name])
    if field.enum_type is not None:
        return {"type": "string", "enum": list(enum_words(field.enum_type).values())}
    return dict(_OF_TYPES[field.cpp_type])


_SCALARS: dict[str, Schema] = {
    Timestamp.DESCRIPTOR.full_name: {"type": "string", "format": "date-time"},
    Json.DESCRIPTOR.full_name: {"type": "object"},
}
_OF_TYPES: dict[int, Schema] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
}
