"""Renders the pages of reports."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from urllib.parse import quote

from clicktrail.tracking.v1.report_page_service_pb2 import ListLatestActivitiesResponse, ListScopesResponse, ReportScope
from clicktrail.tracking.v1.report_service_pb2 import GetReportRequest, Report
from gateway.http.exchange import Answer
from gateway.reports.access import Reader
from gateway.reports.parameters import BASES, RANGES, Wish, cities
from gateway.reports.view import happening_of, scope_row, view_of
from gateway.templating import FOLDER, filled

KEPT_SECONDS = 31_536_000

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}

ROOT = "/reports"
SCOPES_SHOWN = 25


def _assets() -> dict[str, tuple[str, Answer]]:
    """Return each asset's address and answer, by its type."""
    found = {}
    for kind, content_type in _TYPES.items():
        body = (FOLDER / f"report.{kind}").read_bytes()
        path = f"/reports/assets/{sha256(body).hexdigest()[:16]}.{kind}"
        headers = {"cache-control": f"public, max-age={KEPT_SECONDS}, immutable"}
        found[kind] = (path, Answer(200, body, headers, content_type))
    return found


_ALL = _assets()
ASSETS = dict(_ALL.values())
"""What is served, by path."""


@cache
def addresses() -> dict[str, str]:
    """Return the path of each asset, by its type."""
    return {kind: path for kind, (path, _) in _ALL.items()}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a page is about, and for whom: kind is "campaign" or "journey"."""

    reader: Reader
    kind: str
    scope_id: str

    @property
    def path(self) -> str:
        """The path of the page, and behind `/v1` that of the report in the API."""
        return f"/{self.kind}s/{quote(self.scope_id, safe='')}"


def list_page(reader: Reader, wish: Wish, listed: ListScopesResponse, number: int) -> bytes:
    """Return a page of the list of campaigns and journeys."""
    here = wish.path(ROOT)
    return filled(
        "list.html",
        assets=addresses(),
        business=reader.business_name,
        rows=[(_path_of(scope, wish), _kind_of(scope), scope_row(scope)) for scope in listed.scopes],
        newer=f"{here}&page={number - 1}" if number > 1 else "",
        older=f"{here}&page={number + 1}" if listed.has_more else "",
    )


def report_page(
    subject: Subject, wish: Wish, request: GetReportRequest, report: Report, latest: ListLatestActivitiesResponse
) -> bytes:
    """Return the page of a campaign or journey. Takes some milliseconds: charts are drawn."""
    path, api = f"{ROOT}{subject.path}", f"/v1{subject.path}"
    return filled(
        "report.html",
        assets=addresses(),
        business=subject.reader.business_name,
        kind=subject.kind.capitalize(),
        scope_id=subject.scope_id,
        wish=wish,
        path=path,
        list_path=wish.path(ROOT),
        ranges=[(wish.path(path, range=name), text, name == wish.range) for name, text in RANGES.items()],
        bases=[(wish.path(path, basis=name), text, name == wish.basis) for name, text in BASES.items()],
        timezones=cities(),
        view=view_of(report),
        latest=[happening_of(one, wish.timezone) for one in latest.activities],
        report_csv=wish.api_path(f"{api}/report.csv", request),
        recipients_csv=Wish(wish.signature, "all", "UTC", "event", "").path(f"{api}/recipients.csv"),
        stream=wish.api_path(f"{api}/report/stream", request),
    )


def problem_page(title: str, text: str) -> bytes:
    """Return a page that says what is wrong, and nothing else."""
    return filled("problem.html", assets=addresses(), title=title, text=text)


def _path_of(scope: ReportScope, wish: Wish) -> str:
    kind = "campaigns" if scope.HasField("campaign") else "journeys"
    return wish.path(f"{ROOT}/{kind}/{quote(scope.campaign or scope.journey, safe='')}")


def _kind_of(scope: ReportScope) -> str:
    return "Campaign" if scope.HasField("campaign") else "Journey"
