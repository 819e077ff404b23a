"""Serves reports as server-sent events: a report whenever it has changed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from clicktrail.tracking.v1.report_service_pb2 import Report
from common.errors import ClicktrailError
from common.json_writer import write
from gateway.http.errors import RefusedError, wrong_method
from gateway.http.exchange import Exchange, Streamed
from gateway.http.routes import Route, Routes
from gateway.reports.access import ReportAccess
from gateway.reports.operations import PAGE_STREAMS, STREAMS
from gateway.reports.parameters import report_request
from gateway.reports.site import STYLE as PAGE
from gateway.reports.watch import Watches

CONTENT_TYPE = "text/event-stream; charset=utf-8"
# Proxies and phones cut what says nothing for long; and so soon a revoked credential is noticed.
HEARTBEAT_SECONDS = 4.0
HEARTBEAT = b": still here\n\n"
# A browser that was cut off comes again after so many milliseconds.
BEGINNING = b"retry: 2000\n\n"


class ReportStreams:
    """Reports, live."""

    def __init__(self, access: ReportAccess, watches: Watches) -> None:
        self._access = access
        self._watches = watches

    def routes(self) -> Routes:
        """Return the routes."""
        of_pages = [Route(operation, self.stream, PAGE) for operation in PAGE_STREAMS]
        return [*(Route(operation, self.stream) for operation in STREAMS), *of_pages]

    async def stream(self, exchange: Exchange) -> Streamed:
        """Begin to send a report. What is wrong with the request is told before anything is sent."""
        if exchange.method != "GET":
            # There is no end that HEAD could be told.
            raise wrong_method(exchange.method, ["GET"])
        await exchange.body.discard()
        business_id = await self._access.business_of(exchange)
        reports = self._watches.reports(report_request(exchange, business_id), HEARTBEAT_SECONDS)
        with self._access.telling(exchange):
            first = await anext(reports)
        # Behind nginx, pieces are to be passed on as they come.
        return Streamed(self._events(exchange, first, reports), CONTENT_TYPE, {"x-accel-buffering": "no"})

    async def _events(
        self, exchange: Exchange, first: Report | None, reports: AsyncGenerator[Report | None, None]
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(reports):
            yield BEGINNING + _event(first)
            async for report in reports:
                if report is None and await self._is_over(exchange):
                    return
                yield _event(report)

    async def _is_over(self, exchange: Exchange) -> bool:
        """Tell whether the credential opens nothing any more; while that cannot be told, it does."""
        try:
            await self._access.business_of(exchange)
        except RefusedError:
            return True
        except ClicktrailError:
            return False
        return False


def _event(report: Report | None) -> bytes:
    if report is None:
        return HEARTBEAT
    return b"event: report\ndata: " + write(report).encode() + b"\n\n"
