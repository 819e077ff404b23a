"""Describes events as their senders write them, from the tables that they are read by."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from clicktrail.tracking.v1.event_pb2 import Event
from gateway.event_fields import GROUPS, KEY_LENGTH_LIMIT, KINDS, PLAIN_FIELDS, Read
from gateway.http.operation import JSON, Schema
from gateway.json import values
from gateway.openapi.proto_comments import comment_of, limits_of

BATCH_LIMIT = 1_000

_OF_READERS: dict[Read, Schema] = {
    values.read_text: {"type": ["string", "null"]},
    values.read_id: {"type": ["string", "integer", "null"]},
    values.read_object: {"type": ["object", "null"]},
    values.read_decimal: {"type": ["number", "string", "null"]},
    values.read_moment: {
        "anyOf": [
            {"type": "string", "format": "date-time", "description": "ISO 8601 with an offset."},
            {"type": "number", "description": "Unix seconds."},
            {"type": "null"},
        ]
    },
}
_TEXT_FIELDS: dict[str, Read] = dict.fromkeys(("action", "session", "profile", "object"), values.read_text)
_IDS = ("session_id", "profile_id")


def _properties(descriptor: Any, readers: Mapping[str, Read]) -> dict[str, Any]:
    return {name: _property(descriptor.fields_by_name[name], read) for name, read in readers.items()}


def _property(field: FieldDescriptor, read: Read) -> Schema:
    text = " ".join(comment_of(field).split())
    limits = limits_of(field) if read is values.read_text else {}
    return {**_OF_READERS[read], **limits, "description": text}


def _older() -> Iterator[tuple[str, Schema]]:
    for name in _IDS:
        yield name, {"type": ["string", "null"], "description": f"The older name of `{name.removesuffix('_id')}`."}
    for kind in KINDS:
        for name in (kind, f"{kind}_id"):
            yield name, {"type": ["string", "null"], "description": "An older name of `object`."}
        name = f"{kind}_parameters"
        yield name, {"type": "object", "description": "An older name of `object_parameters`."}
    yield "url", {"type": ["string", "null"], "description": "The older place of `page.url`."}


def _event() -> Schema:
    fields = Event.DESCRIPTOR.fields_by_name
    groups = {
        name: {
            "type": ["object", "null"],
            "properties": _properties(fields[name].message_type, readers),
            "description": comment_of(fields[name]),
        }
        for name, readers in GROUPS.items()
    }
    read = {**_TEXT_FIELDS, "object_parameters": values.read_object, **PLAIN_FIELDS}
    key = {"type": ["string", "null"], "minLength": 1, "maxLength": KEY_LENGTH_LIMIT, "description": _KEY}
    properties = {**_properties(Event.DESCRIPTOR, read), **groups, "id": key, **dict(_older())}
    properties["action"] = {**properties["action"], "type": "string"}
    visitor = [{"required": [name]} for name in ("session", "profile", *_IDS)]
    return {
        "type": "object",
        "description": _EVENT,
        "properties": properties,
        "required": ["action"],
        "anyOf": visitor,
    }


_KEY = (
    "The sender's own id of the event: the same one is the same event for ever, and another event with it is 409. "
    "The header `Idempotency-Key` says the same."
)
_EVENT = "An event. Fields that are not named here are kept as they are."

COMPONENTS: dict[str, Schema] = {
    "EventToSend": _event(),
    "EventBatchToSend": {
        "type": "object",
        "properties": {
            "events": {
                "type": "array",
                "minItems": 1,
                "maxItems": BATCH_LIMIT,
                "items": {"$ref": "#/components/schemas/EventToSend"},
            }
        },
        "required": ["events"],
    },
    "Received": {
        "type": "object",
        "properties": {
            "status": {"const": "received"},
            "id": {"type": "string", "format": "uuid", "description": "The event's id; of a duplicate, the first's."},
        },
        "required": ["status", "id"],
    },
}
EVENT = {"$ref": "#/components/schemas/EventToSend"}
BATCH = {"$ref": "#/components/schemas/EventBatchToSend"}
RECEIVED = {"$ref": "#/components/schemas/Received"}
# Beacons are sent as plain text, so that they need no preflight.
EVENT_BODIES: dict[str, Schema] = {
    JSON: EVENT,
    "text/plain": {"type": "string", "contentMediaType": JSON, "contentSchema": EVENT},
}
BATCH_BODIES: dict[str, Schema] = {
    JSON: BATCH,
    "text/plain": {"type": "string", "contentMediaType": JSON, "contentSchema": BATCH},
}
