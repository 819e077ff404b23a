"""Describes what operators and crawlers ask for."""

from gateway.http.operation import Access, Operation, Response, Schema, in_json

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


ALL = (
    _own("/healthz", "getHealth", "Says that the gateway runs.", {200: Response("It runs.", _STATUS)}),
    _own(
        "/readyz",
        "getReadiness",
        "Says whether to send requests here: once both services have served, as long as one of them does.",
        {200: Response("Yes.", _READINESS), 503: Response("Not yet, or nothing could be served.", _READINESS)},
    ),
    _own(
        "/robots.txt",
        "getRobots",
        "Tells crawlers where they may go.",
        {200: Response("It.", {"text/plain": {"type": "string"}})},
    ),
    _own("/favicon.ico", "getIcon", "There is no icon.", {204: Response("None.")}),
)
"""What the gateway answers on paths of its own."""
