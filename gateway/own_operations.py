"""Describes the routes outside of the API: short links, and what operators and crawlers ask for."""

from gateway.openapi_components import ERRORS_REF
from gateway.operations import Access, Operation, Parameter, Response, Schema, Shape, in_json

_CODE = Parameter(
    "code", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "The link's code.", "path", is_required=True
)
_TEXT: Schema = {"type": "string"}
_PAGE: dict[str, Shape] = {"text/html": _TEXT, **in_json(ERRORS_REF)}
_STATUS = in_json({"type": "object", "properties": {"status": {"enum": ["ok"]}}, "required": ["status"]})
_PART: Schema = {"enum": ["ok", "unavailable"]}
_READINESS = in_json(
    {
        "type": "object",
        "properties": {
            "status": {"enum": ["ok", "degraded", "unavailable"]},
            "shortener": _PART,
            "tracking": _PART,
        },
        "required": ["status", "shortener", "tracking"],
    }
)

_NOWHERE = {
    404: Response("There is no such link. A page, or JSON where `Accept` asks for it; likewise below.", _PAGE),
    410: Response("The link has expired, or was disabled.", _PAGE),
    503: Response(
        "A browser that fetches ahead asks again at the real click; or it cannot be told now: `Retry-After`.", _PAGE
    ),
    500: Response("A fault of ours; the request id stands in the description.", _PAGE),
}
REDIRECT = Operation(
    method="GET",
    path="/{code}",
    id="followLink",
    summary="Leads to a link's destination, and keeps the click.",
    description="The destination gets the link's UTM parameters that it does not have yet, and a person's new session.",
    tag="links",
    access=Access.ANYONE,
    parameters=[_CODE],
    responses={302: Response("There it is.", headers={"Location": "The destination."}), **_NOWHERE},
    errors=(),
)
LOOK = Operation(
    method="HEAD",
    path="/{code}",
    id="lookAtLink",
    summary="Says where a link leads, without a session; not a click.",
    tag="links",
    access=Access.ANYONE,
    parameters=[_CODE],
    responses={
        302: Response("There it is.", headers={"Location": "The destination."}),
        **{status: Response(response.description) for status, response in _NOWHERE.items()},
    },
    errors=(),
)


def _own(path: str, id_: str, summary: str, responses: dict[int, Response]) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=id_,
        summary=summary,
        tag="operations",
        access=Access.ANYONE,
        responses=responses,
        errors=(),
    )


OPERATIONS = (
    _own("/healthz", "getHealth", "Says that the gateway runs.", {200: Response("It runs.", _STATUS)}),
    _own(
        "/readyz",
        "getReadiness",
        "Says whether to send requests here: once both services have served, as long as one of them does.",
        {200: Response("Yes.", _READINESS), 503: Response("Not yet, or nothing could be served.", _READINESS)},
    ),
    _own(
        "/robots.txt", "getRobots", "Tells crawlers where they may go.", {200: Response("It.", {"text/plain": _TEXT})}
    ),
    _own("/favicon.ico", "getIcon", "There is no icon.", {204: Response("None.")}),
)
"""What the gateway answers on paths of its own."""

ALL = (REDIRECT, LOOK, *OPERATIONS)
