"""Renders the pages of reports."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

from clicktrail.tracking.v1.connection_service_pb2 import SilentConnection
from clicktrail.tracking.v1.report_page_service_pb2 import ListLatestActivitiesResponse, ListScopesResponse, ReportScope
from clicktrail.tracking.v1.report_service_pb2 import GetReportRequest, Report
from gateway.http.exchange import Answer
from gateway.reports.access import Reader
from gateway.reports.parameters import ALL, BASES, RANGES, ReportParameters, cities
from gateway.reports.view import activity_row, scope_row, silent_connection, view_of
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
        """The path of the page, below that of the list."""
        return f"/{self.kind}s/{quote(self.scope_id, safe='')}"


Silent: TypeAlias = Iterable[SilentConnection]
"""The connections that have fallen silent."""


class ShownReport(NamedTuple):
    """What a page of a campaign or journey shows."""

    report: Report
    latest: ListLatestActivitiesResponse
    silent: Silent


def list_page(
    reader: Reader, asked: ReportParameters, listed: ListScopesResponse, number: int, silent: Silent
) -> bytes:
    """Return a page of the list of campaigns and journeys."""
    here = asked.path(ROOT)
    return filled(
        "list.html",
        assets=addresses(),
        business=reader.business_name,
        silent=[silent_connection(one, asked.timezone) for one in silent],
        rows=[(_path_of(scope, asked), _kind_of(scope), scope_row(scope)) for scope in listed.scopes],
        newer=f"{here}&page={number - 1}" if number > 1 else "",
        older=f"{here}&page={number + 1}" if listed.has_more else "",
    )


def report_page(
    subject: Subject,
    asked: ReportParameters,
    request: GetReportRequest,
    shown: ShownReport,
) -> bytes:
    """Return the page of a campaign or journey. Takes some milliseconds: charts are drawn."""
    path = f"{ROOT}{subject.path}"
    return filled(
        "report.html",
        assets=addresses(),
        business=subject.reader.business_name,
        kind=subject.kind.capitalize(),
        scope_id=subject.scope_id,
        asked=asked,
        path=path,
        list_path=asked.path(ROOT) if subject.reader.opens_all else "",
        ranges=[(asked.path(path, range=name), text, name == asked.range) for name, text in RANGES.items()],
        bases=[(asked.path(path, basis=name), text, name == asked.basis) for name, text in BASES.items()],
        timezones=cities(),
        silent=[silent_connection(one, asked.timezone) for one in shown.silent],
        view=view_of(shown.report),
        programs=asked.path(path, include="" if asked.include else ALL),
        latest=[activity_row(one, asked.timezone) for one in shown.latest.activities],
        report_csv=asked.data_path(f"{path}/report.csv", request),
        recipients_csv=f"{path}/recipients.csv?{urlencode(asked.opened_by)}",
        stream=asked.data_path(f"{path}/stream", request),
    )


def problem_page(title: str, text: str) -> bytes:
    """Return a page that says what is wrong, and nothing else."""
    return filled("problem.html", assets=addresses(), title=title, text=text)


def _path_of(scope: ReportScope, asked: ReportParameters) -> str:
    kind = "campaigns" if scope.HasField("campaign") else "journeys"
    return asked.path(f"{ROOT}/{kind}/{quote(scope.campaign or scope.journey, safe='')}")


def _kind_of(scope: ReportScope) -> str:
    return "Campaign" if scope.HasField("campaign") else "Journey"
