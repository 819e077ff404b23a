"""Serves reports and recipients as CSV, in pieces."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from clicktrail.tracking.v1 import report_service_pb2 as pb
from gateway.http.exchange import Exchange, Streamed
from gateway.http.routes import Route, Routes
from gateway.reports.access import ReportAccess
from gateway.reports.csv_export import (
    CONTENT_TYPE,
    MARK,
    RECIPIENT_COLUMNS,
    SCOPES,
    Row,
    attachment,
    line,
    recipient_row,
    report_rows,
    scope_of,
)
from gateway.reports.operations import (
    PAGE_RECIPIENT_DOWNLOADS,
    PAGE_REPORT_DOWNLOADS,
    RECIPIENT_DOWNLOADS,
    REPORT_DOWNLOADS,
)
from gateway.reports.parameters import recipients_request, report_request
from gateway.reports.site import STYLE as PAGE
from gateway.rpc.clients import Services, StreamMethod

# Hundreds of thousands of recipients take a while to read, and longer to send to a phone.
RECIPIENTS_SECONDS = 300.0
LINES_PER_PIECE = 500


class ReportDownloads:
    """Reports and recipients as CSV."""

    def __init__(self, services: Services, access: ReportAccess) -> None:
        service = pb.DESCRIPTOR.services_by_name["ReportService"]
        self._get_report = services.method(service.methods_by_name["GetReport"])
        self._list_recipients = StreamMethod(services.tracking, service.methods_by_name["ListRecipients"])
        self._access = access

    def routes(self) -> Routes:
        """Return the routes."""
        return [
            *(Route(operation, self.report) for operation in REPORT_DOWNLOADS),
            *(Route(operation, self.recipients) for operation in RECIPIENT_DOWNLOADS),
            *(Route(operation, self.report, PAGE) for operation in PAGE_REPORT_DOWNLOADS),
            *(Route(operation, self.recipients, PAGE) for operation in PAGE_RECIPIENT_DOWNLOADS),
        ]

    async def report(self, exchange: Exchange) -> Streamed:
        """Send a report."""
        await exchange.body.discard()
        request = report_request(exchange, await self._access.business_of(exchange))
        with self._access.telling(exchange):
            response: pb.GetReportResponse = await self._get_report(
                request, request_id=exchange.request_id, is_repeatable=True
            )
        name = attachment("report", *scope_of(response.report))
        return Streamed(_in_pieces(report_rows(response.report)), CONTENT_TYPE, {"content-disposition": name})

    async def recipients(self, exchange: Exchange) -> Streamed:
        """Begin to send recipients. What is wrong with the request is told before anything is sent."""
        await exchange.body.discard()
        request = recipients_request(exchange, await self._access.business_of(exchange))
        answers = self._list_recipients(request, RECIPIENTS_SECONDS, request_id=exchange.request_id)
        with self._access.telling(exchange):
            first = await anext(answers, pb.ListRecipientsResponse())
        name = attachment(
            "recipients",
            *(word for kind in SCOPES if getattr(request, kind) for word in (kind, getattr(request, kind))),
        )
        return Streamed(_recipients(first, answers), CONTENT_TYPE, {"content-disposition": name})


async def _in_pieces(rows: Iterable[Row]) -> AsyncGenerator[bytes, None]:
    lines = [MARK]
    for row in rows:
        lines.append(line(row))
        if len(lines) >= LINES_PER_PIECE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


async def _recipients(
    first: pb.ListRecipientsResponse, others: AsyncGenerator[pb.ListRecipientsResponse, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(others):
        yield (MARK + line(RECIPIENT_COLUMNS) + _lines(first)).encode()
        async for response in others:
            yield _lines(response).encode()


def _lines(response: pb.ListRecipientsResponse) -> str:
    return "".join(line(recipient_row(recipient)) for recipient in response.recipients)
