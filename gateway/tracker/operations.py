"""Describes the routes that tracking libraries on pages call, beside those for events."""

from typing import Any

from clicktrail.tracking.v1.session_service_pb2 import AcknowledgeRequest, BindTokenRequest, IdentifyRequest
from common.field_rules import rules
from gateway.http.operation import (
    COMMON_ERRORS,
    JSON,
    Access,
    Operation,
    Parameter,
    Response,
    Schema,
    Sent,
    Shape,
    in_json,
)

IDENTITY_FIELDS = ("session", "user_id", "source", "email", "phone", "name", "user_hash", "earlier_session")
IDENTITY_REQUIRED = tuple(name for name in IDENTITY_FIELDS if rules(IdentifyRequest, name).required)
ACK_FIELDS = ("session", "at", "utm_params")
BINDING_FIELDS = ("session", "source", "token")

_PAGES: dict[str, Any] = {"tag": "pages", "access": Access.PUBLIC}
_TEXT: Schema = {"type": "string"}


def _bodies(descriptor: Any, fields: tuple[str, ...]) -> dict[str, Shape]:
    without = {field.name for field in descriptor.fields} - set(fields)
    return {JSON: Sent(descriptor, without), "text/plain": {"type": "string", "contentMediaType": JSON}}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


CREATE_SESSION = Operation(
    **_PAGES,
    method="POST",
    path="/v1/track/sessions",
    id="createSession",
    summary="Issues an anonymous session, for a visitor who came without a short link.",
    description="Whatever the body is, it says nothing.",
    responses={201: Response("The session.", in_json(_object(id=_TEXT)))},
    errors=COMMON_ERRORS - {422},
)
ACKNOWLEDGE = Operation(
    **_PAGES,
    method="POST",
    path="/v1/public/acks",
    id="acknowledge",
    summary="Notes that a page with this session is open.",
    description="Without a session nothing is noted, and it is answered all the same.",
    bodies=_bodies(AcknowledgeRequest.DESCRIPTOR, ACK_FIELDS),
    responses={200: Response("Noted.", in_json(_object(status={"const": "received"})))},
)
IDENTIFY = Operation(
    **_PAGES,
    method="POST",
    path="/v1/public/identifications",
    id="identify",
    summary="Says who a session's visitor is in the sender's system.",
    description="It is kept as evidence, from which it is decided soon after whose the session and the identity are; "
    "the answer is the same whoever it is. `user_hash`, the HMAC-SHA256 (hex) of `user_id` with the business's "
    "identity secret, proves it. What is said of the visitor may be a number.",
    bodies=_bodies(IdentifyRequest.DESCRIPTOR, IDENTITY_FIELDS),
    responses={200: Response("Kept.", in_json(_object(status={"const": "received"})))},
)
BIND = Operation(
    **_PAGES,
    method="POST",
    path="/v1/public/bindings",
    id="bindToken",
    summary="Says that a checkout or a cart of a platform belongs to a session.",
    description="An order that a connection brings with this token is in this session, whichever comes first. "
    "`source` is the connection's. The first session of a token stays; the answer is the same whatever is known.",
    bodies=_bodies(BindTokenRequest.DESCRIPTOR, BINDING_FIELDS),
    responses={200: Response("Kept.", in_json(_object(status={"const": "received"})))},
)
SHOW_BUSINESS = Operation(
    **_PAGES,
    method="GET",
    path="/v1/public/businesses/{id}",
    id="getPublicBusiness",
    summary="Shows the public settings of the business that asks.",
    parameters=[Parameter("id", _TEXT, "The business's public id.", "path", is_required=True)],
    responses={
        200: Response(
            "The settings.",
            in_json(
                _object(
                    id=_TEXT,
                    locale=_TEXT,
                    country=_object(code={"type": ["string", "null"]}, prefix={"type": ["string", "null"]}),
                    features={"type": "object"},
                    whitelist=_TEXT,
                    subscription={"type": ["string", "null"]},
                    webchat={"type": "null"},
                    whatsapp={"type": "null"},
                )
            ),
        )
    },
    errors=(COMMON_ERRORS | {404}),
)
