"""Describes the routes of short links: the redirect, where a link leads, and its QR code."""

from collections.abc import Mapping

from gateway.http.operation import Access, Operation, Parameter, Response, Schema, Shape, in_json
from gateway.openapi.components import ERRORS_REF
from gateway.redirects.hits import CODE
from gateway.redirects.qr_codes import BORDER, SCALE, TYPES

_TEXT: Schema = {"type": "string"}
_HTML: dict[str, Shape] = {"text/html": _TEXT}
_PAGE: dict[str, Shape] = {**_HTML, **in_json(ERRORS_REF)}
_WHERE: Schema = {
    "type": "object",
    "properties": dict.fromkeys(("short_url", "destination", "created_at"), _TEXT),
    "required": ["short_url", "destination", "created_at"],
}
_CODE = Parameter("code", {"type": "string", "pattern": f"^{CODE}$"}, "The link's code.", "path", is_required=True)
_ERRORS = {
    404: Response("There is no such link. A page, or JSON where `Accept` asks for it; likewise below.", _PAGE),
    410: Response("The link has expired, was disabled, or is blocked.", _PAGE),
    429: Response("Too many codes that there are not, or too many previews, for one address: `Retry-After`.", _PAGE),
    500: Response("A fault of ours; the request id stands in the description.", _PAGE),
    503: Response("It cannot be told now: `Retry-After`.", _PAGE),
}
_REFUSALS = {
    **_ERRORS,
    503: Response(
        "A browser that fetches ahead asks again at the real click; or it cannot be told now: `Retry-After`.", _PAGE
    ),
}
_FAULTS = {
    **_ERRORS,
    400: Response("The query has too many parameters.", _PAGE),
    422: Response("A parameter is wrong.", _PAGE),
}
_LED = Response("There it is.", headers={"Location": "The destination."})


def _size(name: str, bounds: tuple[int, int, int], description: str) -> Parameter:
    least, most, usual = bounds
    return Parameter(name, {"type": "integer", "minimum": least, "maximum": most, "default": usual}, description)


def _of_link(  # noqa: PLR0913  (the words of one route)
    method: str,
    end: str,
    id_: str,
    summary: str,
    responses: Mapping[int, Response],
    *,
    description: str = "",
    parameters: tuple[Parameter, ...] = (),
) -> Operation:
    return Operation(
        method=method,
        path=f"/{{code}}{end}",
        id=id_,
        summary=summary,
        description=description,
        tag="links",
        access=Access.ANYONE,
        parameters=[_CODE, *parameters],
        responses=responses,
        errors=(),
    )


def _drawing(kind: str) -> Operation:
    return _of_link(
        "GET",
        f".{kind}",
        f"draw{kind.capitalize()}OfLink",
        f"The QR code of a link, as {kind.upper()}. A scan of it counts as a click with the source `qr`.",
        {
            200: Response("The code.", {TYPES[kind]: _TEXT}, {"ETag": "Which drawing it is."}),
            304: Response("It is at hand already."),
            **_FAULTS,
        },
        parameters=(
            Parameter("If-None-Match", _TEXT, "The drawing at hand.", "header"),
            _size("scale", SCALE, "Pixels of a module."),
            _size("border", BORDER, "Modules of the white border."),
        ),
    )


REDIRECT = _of_link(
    "GET",
    "",
    "followLink",
    "Leads to a link's destination, and keeps the click.",
    {302: _LED, **_REFUSALS},
    description="The destination gets the link's UTM parameters that it does not have yet, and a person's new session. "
    "What follows the first character that no code can have, such as a full stop, is ignored.",
)
LOOK = _of_link(
    "HEAD",
    "",
    "lookAtLink",
    "Says where a link leads, without a session; not a click.",
    {302: _LED, **{status: Response(response.description) for status, response in _REFUSALS.items()}},
)
VIEW = _of_link(
    "GET",
    "+",
    "showLink",
    "Shows where a link leads, without a click.",
    {200: Response("Where it leads.", {**_HTML, **in_json(_WHERE)}), **_FAULTS},
    description="A page, or JSON where `Accept` asks for it.",
)
DRAWINGS = {kind: _drawing(kind) for kind in TYPES}
