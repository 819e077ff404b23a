"""Describes the routes that take events in, and events as their senders write them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from clicktrail.tracking.v1 import action_pb2
from clicktrail.tracking.v1.action_pb2 import BuiltInAction
from clicktrail.tracking.v1.event_pb2 import Event, Submission
from clicktrail.tracking.v1.event_service_pb2 import TrackEventsRequest, TrackEventsResponse
from common.field_rules import rules
from gateway.events.fields import GROUPS, IDS, KINDS, PLAIN_FIELDS, Read
from gateway.http.operation import (
    COMMON_ERRORS,
    JSON,
    Access,
    Operation,
    Parameter,
    Response,
    Schema,
    Shape,
    Shown,
    in_json,
)
from gateway.json import values
from gateway.openapi.components import ERROR_ANSWERS, ERROR_HEADERS, ERRORS_REF
from gateway.openapi.proto_comments import comment_of
from gateway.openapi.proto_rules import limits_of

BATCH_LIMIT = rules(TrackEventsRequest, "submissions").max_items

_OF_READERS: dict[Read, Schema] = {
    values.read_text: {"type": ["string", "null"]},
    values.read_prose: {"type": ["string", "null"]},
    # What is no text is taken too, but nobody should send it.
    values.read_shown: {"type": ["string", "null"]},
    values.read_id: {"type": ["string", "integer", "null"]},
    values.read_object: {"type": ["object", "null"]},
    values.read_decimal: {"type": ["number", "string", "null"]},
    values.read_moment: {
        "anyOf": [
            {"type": "string", "format": "date-time", "description": "ISO 8601 with an offset."},
            {"type": "number", "description": "Unix seconds, or milliseconds of 13 digits."},
            {"type": "null"},
        ]
    },
}
_TEXT_FIELDS: dict[str, Read] = dict.fromkeys(("action", "session", "profile", "object"), values.read_text)

_KEY_LIMITS = limits_of(Submission.DESCRIPTOR.fields_by_name["key"])
_KEY = Parameter("Idempotency-Key", {"type": "string", **_KEY_LIMITS}, "See `id`.", "header")
_BATCH: dict[str, Any] = {
    "method": "POST",
    "description": "One receipt per event, in order: one bad event never fails its neighbours.",
    "responses": {200: Response("What became of each.", in_json(Shown(TrackEventsResponse.DESCRIPTOR)))},
}


def _properties(descriptor: Any, readers: Mapping[str, Read]) -> dict[str, Any]:
    return {name: _property(descriptor.fields_by_name[name], read) for name, read in readers.items()}


def _property(field: FieldDescriptor, read: Read) -> Schema:
    text = " ".join(comment_of(field).split())
    limits = limits_of(field) if read in (values.read_text, values.read_prose, values.read_shown) else {}
    return {**_OF_READERS[read], **limits, "description": text}


def _older() -> Iterator[tuple[str, Schema]]:
    for name, keys in IDS.items():
        for key in keys[1:]:
            yield key, _deprecated(["string", "null"], f"The older name of `{name}`.")
    for kind in KINDS:
        for name in (kind, f"{kind}_id"):
            yield name, _deprecated(["string", "null"], "An older name of `object`.")
        name = f"{kind}_parameters"
        yield name, _deprecated("object", "An older name of `object_parameters`.")
    yield "url", _deprecated(["string", "null"], "The older place of `page.url`.")


def _deprecated(kind: str | list[str], text: str) -> Schema:
    return {"type": kind, "description": text, "deprecated": True}


def _action() -> Schema:
    """Return what an action may be: a built-in one, each with what it means and needs, or one of the business's own."""
    field = Event.DESCRIPTOR.fields_by_name["action"]
    older = [
        {"const": each.alias, "description": f"The older name of `{each.value}`.", "deprecated": True}
        for each in rules(Event, "action").value_aliases
    ]
    own = {"type": "string", "description": "The name of a custom action of the business. Needs no object."}
    return {
        "type": "string",
        "description": comment_of(field),
        "anyOf": [*_built_in_actions(), *older, own],
        "examples": ["order.placed"],
    }


def _built_in_actions() -> Iterator[Schema]:
    for value in BuiltInAction.DESCRIPTOR.values:
        action = value.GetOptions().Extensions[action_pb2.action]
        if action.name:
            needs = f"Needs an object, of the type `{action.object}`." if action.object else "Needs no object."
            yield {"const": action.name, "description": f"{comment_of(value)} {needs}"}


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
    key = {"type": ["string", "null"], **_KEY_LIMITS, "description": _KEY_SCHEMA}
    properties = {**_properties(Event.DESCRIPTOR, read), **groups, "id": key, **dict(_older())}
    properties["action"] = _action()
    visitor = [{"required": [key]} for keys in IDS.values() for key in keys]
    return {
        "type": "object",
        "description": _EVENT,
        "properties": properties,
        "required": ["action"],
        "anyOf": visitor,
    }


_KEY_SCHEMA = (
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
            "order": {
                "const": "unknown",
                "description": "A refund names no order that there is, so that it takes nothing back until that comes.",
            },
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
_SINGLE: dict[str, Any] = {
    "method": "POST",
    "description": "Answered once the event is kept. A repeated event is answered like the first one.",
    "parameters": [_KEY],
    "responses": {200: Response("It is kept.", in_json(RECEIVED))},
    "errors": COMMON_ERRORS | {404, 409},
}


def _in_query(name: str, schema: Schema, text: str) -> Parameter:
    return Parameter(name, schema, text, is_required=name == "action")


_TEXT: Schema = {"type": "string"}
_IMAGE: Mapping[str, Shape] = {"image/gif": {"type": "string", "contentEncoding": "binary"}}

FROM_PAGE = Operation(
    **_SINGLE,
    path="/v1/track/events",
    id="trackEvent",
    summary="Takes in an event of a page.",
    tag="pages",
    access=Access.PUBLIC,
    bodies=EVENT_BODIES,
)
BATCH_FROM_PAGE = Operation(
    **_BATCH,
    path="/v1/track/events/batch",
    id="trackEvents",
    summary="Takes in events of a page.",
    tag="pages",
    access=Access.PUBLIC,
    bodies=BATCH_BODIES,
)
FROM_SERVER = Operation(
    **_SINGLE,
    path="/v1/attribution/events",
    id="attributeEvent",
    summary="Takes in an event of a server.",
    tag="events",
    access=Access.PRIVATE,
    bodies={JSON: EVENT, "text/plain": EVENT_BODIES["text/plain"]},
)
BATCH_FROM_SERVER = Operation(
    **_BATCH,
    path="/v1/attribution/events/batch",
    id="attributeEvents",
    summary="Takes in events of a server.",
    tag="events",
    access=Access.PRIVATE,
    bodies={JSON: BATCH, "text/plain": BATCH_BODIES["text/plain"]},
)
_SHOWN_ERRORS = {
    status: Response(ERROR_ANSWERS[status][1], {**_IMAGE, JSON: ERRORS_REF}, ERROR_HEADERS.get(status, {}))
    for status in sorted(COMMON_ERRORS | {404, 409})
}
PIXEL = Operation(
    method="GET",
    path="/v1/p.gif",
    id="trackImage",
    summary="Takes in an event by showing an image, for mail and for pages without scripts.",
    description="The business stands in `business`, as there are no headers. Other parameters are kept as further "
    "fields of the event. Without an `id`, each time that the image is shown is an event of its own. The image is "
    "answered once the event is kept. What is not taken is answered by an image as well, with the status of the error; "
    "where `Accept` asks for JSON, by that.",
    tag="pages",
    access=Access.PUBLIC,
    parameters=[
        _in_query("action", _TEXT, "What happened, such as `page.viewed`."),
        _in_query("session", _TEXT, "The session that it happened in. Required."),
        _in_query("url", _TEXT, "Where it happened."),
        _in_query("id", {"type": "string", **_KEY_LIMITS}, "The sender's own id of the event."),
        _in_query("tracked_at", _TEXT, "When it happened: Unix seconds, or ISO 8601 with an offset. Absent: now."),
        _in_query("object", _TEXT, "The id of an object that an earlier event brought."),
        _in_query("amount", _TEXT, "A decimal number."),
        _in_query("currency", _TEXT, "ISO 4217. Absent: the business's own."),
        _KEY,
    ],
    responses={200: Response("An image of one transparent point.", _IMAGE), **_SHOWN_ERRORS},
    errors=_SHOWN_ERRORS.keys(),
)
# Lists of ad blockers name its path; mails that were sent go on.
OLDER_PIXEL = replace(PIXEL, path="/v1/track/pixel.gif", id="trackPixel")
LOOK_AT_PIXEL = Operation(
    method="HEAD",
    path=PIXEL.path,
    id="lookAtImage",
    summary="Says what the image is; no event.",
    tag="pages",
    access=Access.ANYONE,
    responses={200: Response("An image of one transparent point.")},
    errors=(),
)
LOOK_AT_OLDER_PIXEL = replace(LOOK_AT_PIXEL, path=OLDER_PIXEL.path, id="lookAtPixel")
