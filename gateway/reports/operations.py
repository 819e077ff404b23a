"""Describes the routes of reports that no annotation describes: live, as CSV, and as pages."""

from collections.abc import Collection

from google.protobuf.descriptor import FieldDescriptor

from clicktrail.tracking.v1.report_service_pb2 import GetReportRequest
from common.json_names import key_of
from gateway.http.operation import COMMON_ERRORS, Access, Operation, Parameter, Response, Schema
from gateway.openapi.proto_comments import comment_of
from gateway.openapi.proto_rules import limits_of
from gateway.openapi.schemas import scalar
from gateway.reports.cookies import LINK, SIGNATURE
from gateway.reports.parameters import ALL, BASES, RANGES

_TEXT: Schema = {"type": "string"}
_SIGNATURE = Parameter(SIGNATURE, _TEXT, "The signature of a link to the report page, in the place of a private token.")
_SCOPES = ("campaign", "journey", "link")
_ERRORS = COMMON_ERRORS | {404}
_SAVED = {"Content-Disposition": "The name to save it under."}
_NAMED = {"campaign", "journey", "message", "link"}
_HTML = {"text/html": _TEXT}
_LOCATION = {"Location": "The address."}
_RESPONSES = {
    200: Response("The page.", _HTML),
    400: Response("The query has too many parameters.", _HTML),
    403: Response("The link is not known, has expired or was revoked.", _HTML),
    404: Response("There is nothing here.", _HTML),
    422: Response("The report that is asked for has more points than there may be.", _HTML),
    429: Response("Too many reports for one address: `Retry-After`.", _HTML),
    500: Response("A fault of ours; the request id stands on the page.", _HTML),
    503: Response("It cannot be told now.", _HTML),
}
_OPENING = (
    Parameter(SIGNATURE, _TEXT, "The signature of the link, until the browser keeps it in a cookie."),
    Parameter(LINK, _TEXT, "Which of the links that the browser keeps in cookies."),
)


def _query() -> list[Parameter]:
    wanted = [field for field in GetReportRequest.DESCRIPTOR.fields if field.name not in {"business_id", *_NAMED}]
    return [*map(_parameter, wanted), _SIGNATURE]


def _parameter(field: FieldDescriptor) -> Parameter:
    return Parameter(key_of(field), scalar(field) | limits_of(field), " ".join(comment_of(field).split()))


def _paths(end: str, *, has_whole: bool) -> list[tuple[str, str, list[Parameter]]]:
    """Return the paths below each scope: what to add to their ids, the path, and its placeholder."""
    of_scopes = [(f"Of{kind.capitalize()}", f"/v1/{kind}s/{{{kind}}}/{end}", [_placeholder(kind)]) for kind in _SCOPES]
    return [*of_scopes, ("", f"/v1/{end}", [])] if has_whole else of_scopes


def _placeholder(kind: str) -> Parameter:
    return Parameter(kind, _TEXT, f"One {kind}.", "path", is_required=True)


def _operations(  # noqa: PLR0913  (the words of one group of routes)
    end: str, id_: str, summary: str, response: Response, query: Collection[Parameter], *, has_whole: bool
) -> tuple[Operation, ...]:
    return tuple(
        Operation(
            method="GET",
            path=path,
            id=id_ + by,
            summary=summary,
            tag="reports",
            access=Access.REPORT,
            parameters=[*in_path, *query],
            responses={200: response},
            errors=_ERRORS,
        )
        for by, path, in_path in _paths(end, has_whole=has_whole)
    )


STREAMS = _operations(
    "report/stream",
    "streamReport",
    "Sends a report, now and whenever it has changed, as server-sent events named `report`.",
    Response("The report, in JSON, over and over.", {"text/event-stream": _TEXT}),
    _query(),
    has_whole=True,
)
REPORT_DOWNLOADS = _operations(
    "report.csv",
    "downloadReport",
    "A report as CSV, one figure a row.",
    Response("The report.", {"text/csv": _TEXT}, _SAVED),
    _query(),
    has_whole=True,
)
RECIPIENT_DOWNLOADS = _operations(
    "recipients.csv",
    "downloadRecipients",
    "The recipients as CSV: who clicked first when, from what, and what they bought.",
    Response("The recipients.", {"text/csv": _TEXT}, _SAVED),
    [_SIGNATURE],
    has_whole=False,
)


# Browsers are sent to the same without the signature, which they are asked to keep.
_PAGE_RESPONSES = {**_RESPONSES, 303: Response("To the same, without the signature.", headers=_LOCATION)}


def _page(path: str, id_: str, summary: str, *parameters: Parameter) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=id_,
        summary=summary,
        tag="reports",
        access=Access.ANYONE,
        parameters=parameters,
        responses=_PAGE_RESPONSES,
        errors=(),
    )


def _report(kind: str) -> Operation:
    return _page(
        f"/reports/{kind}s/{{{kind}}}",
        f"show{kind.capitalize()}Report",
        f"The page of a {kind}'s report, live.",
        Parameter(kind, _TEXT, f"The {kind}.", "path", is_required=True),
        *_OPENING,
        Parameter("range", {"type": "string", "enum": list(RANGES)}, "How far back to look."),
        Parameter("timezone", _TEXT, "An IANA time zone."),
        Parameter("basis", {"type": "string", "enum": list(BASES)}, "By which dates."),
        Parameter("include", {"type": "string", "enum": [ALL]}, "Whether to list what programs did too."),
    )


LIST_PAGE = _page(
    "/reports",
    "listReports",
    "The page that lists a business's campaigns and journeys with their main figures.",
    *_OPENING,
    Parameter("page", {"type": "integer", "minimum": 1, "maximum": 999}, "Which page."),
)
REPORT_PAGES = {kind: _report(kind) for kind in ("campaign", "journey")}


def _data(
    end: str, id_: str, summary: str, content: dict[str, Schema], query: Collection[Parameter]
) -> tuple[Operation, ...]:
    """Return the routes beside the pages that their cookies reach: those of the API lie elsewhere."""
    responses = {**_RESPONSES, 200: Response("It, as in the API.", content)}
    return tuple(
        Operation(
            method="GET",
            path=f"/reports/{kind}s/{{{kind}}}/{end}",
            id=f"{id_}ForPageOf{kind.capitalize()}",
            summary=summary,
            tag="reports",
            access=Access.REPORT,
            parameters=[_placeholder(kind), *query, _OPENING[1]],
            responses=responses,
            errors=(),
        )
        for kind in REPORT_PAGES
    )


PAGE_STREAMS = _data(
    "stream", "streamReport", "Sends the report of a page, live.", {"text/event-stream": _TEXT}, _query()
)
PAGE_REPORT_DOWNLOADS = _data(
    "report.csv", "downloadReport", "The report of a page, as CSV.", {"text/csv": _TEXT}, _query()
)
PAGE_RECIPIENT_DOWNLOADS = _data(
    "recipients.csv", "downloadRecipients", "The recipients of a page, as CSV.", {"text/csv": _TEXT}, [_SIGNATURE]
)
ASSET = Operation(
    method="GET",
    path="/reports/assets/{name}",
    id="getReportAsset",
    summary="A style sheet or a script of the pages of reports.",
    tag="reports",
    access=Access.ANYONE,
    parameters=[Parameter("name", _TEXT, "Its name, which changes with it.", "path", is_required=True)],
    responses={
        200: Response("It.", {"text/css": _TEXT, "text/javascript": _TEXT}),
        404: Response("There is none of this name.", _HTML),
    },
    errors=(),
)
