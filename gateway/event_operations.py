"""Describes the routes that take events in."""

from collections.abc import Mapping
from typing import Any

from clicktrail.tracking.v1.event_service_pb2 import TrackEventsResponse
from gateway.event_schemas import BATCH, BATCH_BODIES, EVENT, EVENT_BODIES, RECEIVED
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

_KEY = Parameter("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 100}, "See `id`.", "header")
_SINGLE: dict[str, Any] = {
    "method": "POST",
    "description": "Answered once the event is kept. A repeated event is answered like the first one.",
    "parameters": [_KEY],
    "responses": {200: Response("It is kept.", in_json(RECEIVED))},
    "errors": COMMON_ERRORS | {404, 409},
}
_BATCH: dict[str, Any] = {
    "method": "POST",
    "description": "One receipt per event, in order: one bad event never fails its neighbours.",
    "responses": {200: Response("What became of each.", in_json(Shown(TrackEventsResponse.DESCRIPTOR)))},
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
PIXEL = Operation(
    method="GET",
    path="/v1/track/pixel.gif",
    id="trackPixel",
    summary="Takes in an event by showing an image, for mail and for pages without scripts.",
    description="The business stands in `business`, as there are no headers. Other parameters are kept as further "
    "fields of the event. Without an `id`, each time that the image is shown is an event of its own. The image is "
    "answered once the event is kept; what is not taken is an error, which a mail shows as a missing image.",
    tag="pages",
    access=Access.PUBLIC,
    parameters=[
        _in_query("action", _TEXT, "What happened, such as `page.viewed`."),
        _in_query("session", _TEXT, "The session that it happened in. Required."),
        _in_query("url", _TEXT, "Where it happened."),
        _in_query("id", {"type": "string", "minLength": 1, "maxLength": 100}, "The sender's own id of the event."),
        _in_query("tracked_at", _TEXT, "When it happened: Unix seconds, or ISO 8601 with an offset. Absent: now."),
        _in_query("object", _TEXT, "The id of an object that an earlier event brought."),
        _in_query("amount", _TEXT, "A decimal number."),
        _in_query("currency", _TEXT, "ISO 4217. Absent: the business's own."),
        _KEY,
    ],
    responses={200: Response("An image of one transparent point.", _IMAGE)},
    errors=COMMON_ERRORS | {404, 409},
)
