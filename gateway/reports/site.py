"""Serves the pages of reports: rendered here, opened with a signed link, without anything from elsewhere."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial

from clicktrail.tracking.v1 import connection_service_pb2 as connections
from clicktrail.tracking.v1 import report_page_service_pb2 as pages
from clicktrail.tracking.v1 import report_service_pb2 as reports
from clicktrail.tracking.v1.profile_service_pb2 import ACTIVITY_INCLUSION_ALL, ACTIVITY_INCLUSION_UNSPECIFIED
from common.errors import ClicktrailError, Reason
from gateway.http.errors import no_route, problem_of
from gateway.http.exchange import Answer, Exchange
from gateway.http.routes import Route, Routes, Style
from gateway.json.text import is_plain
from gateway.reports.access import Reader, ReportAccess
from gateway.reports.cookies import clean_address, signature_of
from gateway.reports.operations import ASSET, LIST_PAGE, REPORT_PAGES
from gateway.reports.pages import (
    ASSETS,
    SCOPES_SHOWN,
    ShownReport,
    Silent,
    Subject,
    list_page,
    problem_page,
    report_page,
)
from gateway.reports.parameters import ReportParameters, parameters_of
from gateway.reports.watch import Watches
from gateway.rpc.clients import Services
from gateway.templating import HTML, page_headers

ACTIVITIES_SHOWN = 12

_PAGE_NUMBER = re.compile(r"[1-9]\d{0,2}", re.ASCII)
_HEADERS = page_headers("script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'")
_NOT_OPENED = (
    "Open it once more as it was sent to you. If that does not help, ask for a new one: it has expired, was revoked,"
    " or is for another report."
)
_REFUSALS = {
    401: (
        403,
        "This link does not open this report",
        _NOT_OPENED,
    ),
    404: (404, "There is nothing here", "Please check the address."),
    503: (503, "One moment, please", "The report cannot be read right now. Try again in a few seconds."),
}  # fmt: skip


class ReportSite:
    """The list of campaigns and journeys, and a page for each of them."""

    def __init__(self, services: Services, access: ReportAccess, watches: Watches) -> None:
        service = pages.DESCRIPTOR.services_by_name["ReportPageService"].methods_by_name
        self._list_scopes = services.method(service["ListScopes"])
        self._list_latest = services.method(service["ListLatestActivities"])
        methods = reports.DESCRIPTOR.services_by_name["ReportService"].methods_by_name
        self._get_report = services.method(methods["GetReport"])
        connection_methods = connections.DESCRIPTOR.services_by_name["ConnectionService"].methods_by_name
        self._list_silent = services.method(connection_methods["ListSilentConnections"])
        self._access = access
        self._watches = watches

    def routes(self) -> Routes:
        """Return the routes."""
        pages = [Route(operation, partial(self.show_report, kind), STYLE) for kind, operation in REPORT_PAGES.items()]
        return [Route(LIST_PAGE, self.show_list, STYLE), *pages, Route(ASSET, self.show_asset, STYLE)]

    async def show_asset(self, exchange: Exchange) -> Answer:
        """Answer what the pages are made with."""
        asset = ASSETS.get(exchange.path)
        if asset is None:
            raise no_route()
        return asset

    async def show_list(self, exchange: Exchange) -> Answer:
        """Show the list."""
        query = dict(exchange.query())
        reader = await self._access.reader(exchange, signature_of(exchange))
        if elsewhere := clean_address(exchange, reader.until):
            return elsewhere
        asked, number = parameters_of(query), _page_number(query)
        request = pages.ListScopesRequest(
            business_id=reader.business_id, limit=SCOPES_SHOWN, offset=(number - 1) * SCOPES_SHOWN
        )
        listed, silent = await asyncio.gather(
            self._list_scopes(request, request_id=exchange.request_id, is_repeatable=True),
            self._read_silent(reader, exchange.request_id),
        )
        return Answer(200, list_page(reader, asked, listed, number, silent), content_type=HTML)

    async def show_report(self, kind: str, exchange: Exchange) -> Answer:
        """Show the report of a "campaign" or a "journey"."""
        scope_id = exchange.parameters[kind]
        if not is_plain(scope_id):
            raise no_route()
        reader = await self._access.reader(exchange, signature_of(exchange))
        if elsewhere := clean_address(exchange, reader.until):
            return elsewhere
        asked = parameters_of(dict(exchange.query()))
        request = asked.request(reader.business_id, kind, scope_id)
        try:
            report, latest, silent = await asyncio.gather(
                self._read(request, exchange.request_id),
                self._read_latest(reader, kind, scope_id, asked, exchange.request_id),
                self._read_silent(reader, exchange.request_id),
            )
        except ClicktrailError as error:
            if error.reason is not Reason.SCOPE_UNKNOWN:
                raise
            return _unknown_page(reader, kind, scope_id, error)
        # Drawing takes longer than a redirect may wait.
        shown = ShownReport(report, latest, silent)
        page = await asyncio.to_thread(report_page, Subject(reader, kind, scope_id), asked, request, shown)
        return Answer(200, page, content_type=HTML)

    async def _read_latest(
        self, reader: Reader, kind: str, scope_id: str, asked: ReportParameters, request_id: str
    ) -> pages.ListLatestActivitiesResponse:
        request = pages.ListLatestActivitiesRequest(business_id=reader.business_id, limit=ACTIVITIES_SHOWN)
        setattr(request, kind, scope_id)
        request.include = ACTIVITY_INCLUSION_ALL if asked.include else ACTIVITY_INCLUSION_UNSPECIFIED
        response: pages.ListLatestActivitiesResponse = await self._list_latest(
            request, request_id=request_id, is_repeatable=True
        )
        return response

    async def _read_silent(self, reader: Reader, request_id: str) -> Silent:
        """Return the silent connections; where they cannot be told, reports are shown without."""
        request = connections.ListSilentConnectionsRequest(business_id=reader.business_id)
        try:
            response: connections.ListSilentConnectionsResponse = await self._list_silent(
                request, request_id=request_id, is_repeatable=True
            )
        except ClicktrailError:
            return ()
        return response.connections

    async def _read(self, request: reports.GetReportRequest, request_id: str) -> reports.Report:
        """Return a report, which need not be asked for where somebody is watching it."""
        if (watched := self._watches.current(request)) is not None:
            return watched
        response: reports.GetReportResponse = await self._get_report(request, request_id=request_id, is_repeatable=True)
        return response.report


def _unknown_page(reader: Reader, kind: str, scope_id: str, error: ClicktrailError) -> Answer:
    text = f"No link belongs to the {kind} “{scope_id}”."
    known = [name for fault in error.faults for name in fault.known]
    # A link to one report tells of no other.
    if known and reader.opens_all:
        text += f" There are: {', '.join(known)}."
    return Answer(404, problem_page(f"There is no such {kind}", text), content_type=HTML)


def _problem_page(error: Exception, exchange: Exchange) -> Answer:
    problem = problem_of(error, exchange.request_id)
    status, title, text = _REFUSALS.get(
        problem.status, (problem.status, "This did not work", " ".join(one.description for one in problem.faults))
    )
    headers = {name: value for name, value in problem.headers.items() if name != "www-authenticate"}
    return Answer(status, problem_page(title, text), headers, HTML)


STYLE = Style(lambda _request_id: _HEADERS, _problem_page)
"""How pages of reports answer."""


def _page_number(query: Mapping[str, str]) -> int:
    text = query.get("page", "1")
    return int(text) if _PAGE_NUMBER.fullmatch(text) else 1
