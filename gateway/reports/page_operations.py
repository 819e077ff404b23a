"""Describes the pages of reports."""

from gateway.http.operation import Access, Operation, Parameter, Response, Schema
from gateway.reports.access import PARAMETER
from gateway.reports.query import BASES, RANGES

_TEXT: Schema = {"type": "string"}
_HTML = {"text/html": _TEXT}
_RESPONSES = {
    200: Response("The page.", _HTML),
    400: Response("The query has too many parameters.", _HTML),
    403: Response("The link is not known, has expired or was revoked.", _HTML),
    404: Response("There is nothing here.", _HTML),
    422: Response("The report that is asked for has more points than there may be.", _HTML),
    500: Response("A fault of ours; the request id stands on the page.", _HTML),
    503: Response("It cannot be told now.", _HTML),
}
_SIGNATURE = Parameter(PARAMETER, _TEXT, "The signature of the link.")


def _page(path: str, id_: str, summary: str, *parameters: Parameter) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=id_,
        summary=summary,
        tag="reports",
        access=Access.ANYONE,
        parameters=parameters,
        responses=_RESPONSES,
        errors=(),
    )


def _report(kind: str) -> Operation:
    return _page(
        f"/reports/{kind}s/{{{kind}}}",
        f"show{kind.capitalize()}Report",
        f"The page of a {kind}'s report, live.",
        Parameter(kind, _TEXT, f"The {kind}.", "path", is_required=True),
        _SIGNATURE,
        Parameter("range", {"type": "string", "enum": list(RANGES)}, "How far back to look."),
        Parameter("timezone", _TEXT, "An IANA time zone."),
        Parameter("basis", {"type": "string", "enum": list(BASES)}, "By which dates."),
    )


ALL = (
    _page(
        "/reports",
        "listReports",
        "The page that lists a business's campaigns and journeys with their main figures.",
        _SIGNATURE,
        Parameter("page", {"type": "integer", "minimum": 1, "maximum": 999}, "Which page."),
    ),
    _report("campaign"),
    _report("journey"),
)
