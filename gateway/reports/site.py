"""Serves the pages of reports: rendered here, opened with a signed link, without anything from elsewhere."""

import asyncio
import re
import secrets
from collections.abc import Mapping

from clicktrail.tracking.v1 import report_page_service_pb2 as pages
from clicktrail.tracking.v1 import report_service_pb2 as reports
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.errors import no_route, problem_of, wrong_method
from gateway.http.exchange import Answer, Exchange
from gateway.http.responses import send_answer
from gateway.json.text import is_plain
from gateway.reports.access import Reader, ReportAccess
from gateway.reports.pages import ASSETS, ROOT, SCOPES_SHOWN, Subject, list_page, problem_page, report_page
from gateway.reports.parameters import Wish, wish_of
from gateway.reports.watch import Watches
from gateway.rpc.clients import Services
from gateway.templating import HTML

METHODS = ("GET", "HEAD")
KINDS = {"campaigns": "campaign", "journeys": "journey"}
ACTIVITIES_SHOWN = 12

_PAGE_NUMBER = re.compile(r"[1-9]\d{0,2}", re.ASCII)
_HEADERS = {
    "cache-control": "private, no-store",
    # The address holds the signature: no other site may see it.
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}
_REFUSALS = {
    401: (403, "This link opens no report", "It has expired, was revoked, or is incomplete. Ask for a new one."),
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
        self._access = access
        self._watches = watches

    def serves(self, path: str) -> bool:
        """Tell whether a path is ours to answer, if only with 404."""
        return path == ROOT or path.startswith(f"{ROOT}/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, secrets.token_hex(8))
        try:
            answered = await self._answer(exchange)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            answered = _problem_page(error, exchange.request_id)
        await send_answer(send, answered, _HEADERS, is_head=exchange.method == "HEAD")

    async def _answer(self, exchange: Exchange) -> Answer:
        if exchange.method not in METHODS:
            raise wrong_method(exchange.method, METHODS)
        if asset := ASSETS.get(exchange.path):
            return asset
        query = dict(exchange.query())
        wish = wish_of(query)
        reader = await self._access.reader(wish.signature)
        match exchange.segments():
            case ["", "reports"]:
                return await self._list(reader, wish, _page_number(query), exchange.request_id)
            case ["", "reports", kinds, scope_id] if kinds in KINDS and scope_id and is_plain(scope_id):
                return await self._report(reader, wish, KINDS[kinds], scope_id, exchange.request_id)
        raise no_route()

    async def _list(self, reader: Reader, wish: Wish, number: int, request_id: str) -> Answer:
        request = pages.ListScopesRequest(
            business_id=reader.business_id, limit=SCOPES_SHOWN, offset=(number - 1) * SCOPES_SHOWN
        )
        listed: pages.ListScopesResponse = await self._list_scopes(request, request_id=request_id, is_repeatable=True)
        return Answer(200, list_page(reader, wish, listed, number), content_type=HTML)

    async def _report(self, reader: Reader, wish: Wish, kind: str, scope_id: str, request_id: str) -> Answer:
        request = wish.request(reader.business_id, kind, scope_id)
        latest_request = pages.ListLatestActivitiesRequest(business_id=reader.business_id, limit=ACTIVITIES_SHOWN)
        setattr(latest_request, kind, scope_id)
        report, latest = await asyncio.gather(
            self._read(request, request_id),
            self._list_latest(latest_request, request_id=request_id, is_repeatable=True),
        )
        # Drawing takes longer than a redirect may wait.
        page = await asyncio.to_thread(report_page, Subject(reader, kind, scope_id), wish, request, report, latest)
        return Answer(200, page, content_type=HTML)

    async def _read(self, request: reports.GetReportRequest, request_id: str) -> reports.Report:
        """Return a report, which need not be asked for where somebody is watching it."""
        if (watched := self._watches.current(request)) is not None:
            return watched
        response: reports.GetReportResponse = await self._get_report(request, request_id=request_id, is_repeatable=True)
        return response.report


def _problem_page(error: Exception, request_id: str) -> Answer:
    problem = problem_of(error, request_id)
    status, title, text = _REFUSALS.get(
        problem.status, (problem.status, "This did not work", " ".join(one.description for one in problem.faults))
    )
    headers = {name: value for name, value in problem.headers.items() if name != "www-authenticate"}
    return Answer(status, problem_page(title, text), headers, HTML)


def _page_number(query: Mapping[str, str]) -> int:
    text = query.get("page", "1")
    return int(text) if _PAGE_NUMBER.fullmatch(text) else 1
