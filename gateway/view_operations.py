"""Describes the pages that are rendered here, and the drawings: of reports, and of links."""

from gateway.openapi_components import ERRORS_REF
from gateway.operations import Access, Operation, Parameter, Response, Schema, Shape, in_json
from gateway.qr_codes import BORDER, SCALE, TYPES
from gateway.report_access import PARAMETER
from gateway.report_query import BASES, RANGES

_TEXT: Schema = {"type": "string"}
_HTML: dict[str, Shape] = {"text/html": _TEXT}
_PAGE: dict[str, Shape] = {**_HTML, **in_json(ERRORS_REF)}
_WHERE: Schema = {
    "type": "object",
    "properties": dict.fromkeys(("short_url", "destination", "created_at"), _TEXT),
    "required": ["short_url", "destination", "created_at"],
}
_CODE = Parameter(
    "code", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "The link's code.", "path", is_required=True
)
_OF_LINKS = {
    400: Response("The query has too many parameters.", _PAGE),
    404: Response("There is no such link. A page, or JSON where `Accept` asks for it; likewise below.", _PAGE),
    410: Response("The link has expired, or was disabled.", _PAGE),
    422: Response("A parameter is wrong.", _PAGE),
    500: Response("A fault of ours; the request id stands in the description.", _PAGE),
    503: Response("It cannot be told now.", _PAGE),
}
_OF_REPORTS = {
    200: Response("The page.", _HTML),
    400: Response("The query has too many parameters.", _HTML),
    403: Response("The link is not known, has expired or was revoked.", _HTML),
    404: Response("There is nothing here.", _HTML),
    422: Response("The report that is asked for has more points than there may be.", _HTML),
    500: Response("A fault of ours; the request id stands on the page.", _HTML),
    503: Response("It cannot be told now.", _HTML),
}
_SIGNATURE = Parameter(PARAMETER, _TEXT, "The signature of the link.")
_CHOICES = [
    _SIGNATURE,
    Parameter("range", {"type": "string", "enum": list(RANGES)}, "How far back to look."),
    Parameter("timezone", _TEXT, "An IANA time zone."),
    Parameter("basis", {"type": "string", "enum": list(BASES)}, "By which dates."),
]


def _size(name: str, bounds: tuple[int, int, int], description: str) -> Parameter:
    least, most, usual = bounds
    return Parameter(name, {"type": "integer", "minimum": least, "maximum": most, "default": usual}, description)


def _drawing(kind: str) -> Operation:
    return Operation(
        method="GET",
        path=f"/{{code}}.{kind}",
        id=f"draw{kind.capitalize()}OfLink",
        summary=f"The QR code of a link, as {kind.upper()}. A scan of it counts as a click with the source `qr`.",
        tag="links",
        access=Access.ANYONE,
        parameters=[
            _CODE,
            _size("scale", SCALE, "Pixels of a module."),
            _size("border", BORDER, "Modules of the white border."),
        ],
        responses={200: Response("The code.", {TYPES[kind]: _TEXT}), **_OF_LINKS},
        errors=(),
    )


def _report(kind: str) -> Operation:
    return Operation(
        method="GET",
        path=f"/reports/{kind}s/{{{kind}}}",
        id=f"show{kind.capitalize()}Report",
        summary=f"The page of a {kind}'s report, live.",
        tag="reports",
        access=Access.ANYONE,
        parameters=[Parameter(kind, _TEXT, f"The {kind}.", "path", is_required=True), *_CHOICES],
        responses=_OF_REPORTS,
        errors=(),
    )


LINK = Operation(
    method="GET",
    path="/{code}+",
    id="showLink",
    summary="Shows where a link leads, without a click.",
    description="A page, or JSON where `Accept` asks for it.",
    tag="links",
    access=Access.ANYONE,
    parameters=[_CODE],
    responses={200: Response("Where it leads.", {**_HTML, **in_json(_WHERE)}), **_OF_LINKS},
    errors=(),
)
DRAWINGS = tuple(_drawing(kind) for kind in TYPES)
LIST = Operation(
    method="GET",
    path="/reports",
    id="listReports",
    summary="The page that lists a business's campaigns and journeys with their main figures.",
    tag="reports",
    access=Access.ANYONE,
    parameters=[_SIGNATURE, Parameter("page", {"type": "integer", "minimum": 1, "maximum": 999}, "Which page.")],
    responses=_OF_REPORTS,
    errors=(),
)
REPORTS = (_report("campaign"), _report("journey"))
ALL = (LINK, *DRAWINGS, LIST, *REPORTS)
