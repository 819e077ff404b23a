"""Reads what a request for a report page asks for: the range, the time zone, the dates that count."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from clicktrail.tracking.v1.report_service_pb2 import (
    REPORT_BASIS_COHORT,
    REPORT_BASIS_EVENT,
    REPORT_INTERVAL_DAY,
    REPORT_INTERVAL_HOUR,
    GetReportRequest,
    ListRecipientsRequest,
)
from common.clock import from_timestamp, now, timezones, to_rfc3339, to_timestamp
from common.errors import Fault, invalid
from gateway.json.reader import fill, fill_from_path, members_of_query
from gateway.reports.cookies import OPENING, PATH, SIGNATURE, opening

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from gateway.http.exchange import Exchange

RANGES = {"all": "All time", "24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
BASES = {"event": "By date of click", "cohort": "By date of link"}
WHOLE, DAY = "all", "24h"
ALL = "all"

_DAYS = {"7d": 7, "30d": 30, "90d": 90}
_UTC = "UTC"


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """What of a report to show. What cannot be understood of a query is as good as absent."""

    opened_by: Mapping[str, str]
    """The parameters that open it, which stand in every address of a page."""
    range: str
    timezone: str
    basis: str
    include: str
    """What the list of what happened last has beside what people did: "all" for what programs did, or ""."""
    unknown_timezone: str
    """A time zone that was asked for and does not exist; empty: none."""

    def path(self, path: str, **changes: Any) -> str:
        """Return the address of a page that shows the same of something, but for these changes."""
        asked = replace(self, **changes)
        kept = {"range": (asked.range, WHOLE), "timezone": (asked.timezone, _UTC), "basis": (asked.basis, "event")}
        kept["include"] = (asked.include, "")
        shown = {name: value for name, (value, usual) in kept.items() if value != usual}
        return f"{path}?{urlencode({**asked.opened_by, **shown})}"

    def request(self, business_id: str, kind: str, scope_id: str) -> GetReportRequest:
        """Return the report to ask for.

        Its start stays the same for an hour or a day, so that all who look at one page look at one report.
        """
        request = GetReportRequest(business_id=business_id, timezone=self.timezone)
        setattr(request, kind, scope_id)
        request.basis = REPORT_BASIS_COHORT if self.basis == "cohort" else REPORT_BASIS_EVENT
        if self.range != WHOLE:
            request.from_time.CopyFrom(to_timestamp(_start(self.range, now().astimezone(ZoneInfo(self.timezone)))))
            request.interval = REPORT_INTERVAL_HOUR if self.range == DAY else REPORT_INTERVAL_DAY
        return request

    def data_path(self, path: str, request: GetReportRequest) -> str:
        """Return the address of the very report that a page shows, in another form."""
        asked = {"timezone": request.timezone, "basis": self.basis}
        if request.HasField("from_time"):
            asked["from"] = to_rfc3339(from_timestamp(request.from_time))
            asked["interval"] = "hour" if request.interval == REPORT_INTERVAL_HOUR else "day"
        return f"{path}?{urlencode({**asked, **self.opened_by})}"


def parameters_of(query: Mapping[str, str]) -> ReportParameters:
    """Return what a query asks for."""
    timezone = query.get("timezone", "").strip() or _UTC
    is_known = timezone in timezones()
    return ReportParameters(
        opened_by=opening(query),
        range=query["range"] if query.get("range") in RANGES else WHOLE,
        timezone=timezone if is_known else _UTC,
        basis=query["basis"] if query.get("basis") in BASES else "event",
        include=ALL if query.get("include") == ALL else "",
        unknown_timezone="" if is_known else timezone[:60],
    )


@cache
def cities() -> tuple[str, ...]:
    """Return the time zones to choose from: those named after a place, and UTC."""
    return (_UTC, *sorted(name for name in timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))))


def _start(range_: str, local: datetime) -> datetime:
    """Return where a range starts that ends now: on an hour or a midnight of the time zone."""
    if range_ == DAY:
        return local.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    return (local - timedelta(days=_DAYS[range_] - 1)).replace(hour=0, minute=0, second=0, microsecond=0)


def report_request(exchange: "Exchange", business_id: str) -> GetReportRequest:
    """Return the report asked for. Raises INVALID with every fault."""
    request = GetReportRequest()
    _fill(request, exchange)
    request.business_id = business_id
    return request


def recipients_request(exchange: "Exchange", business_id: str) -> ListRecipientsRequest:
    """Return whose recipients are asked for. Raises INVALID with every fault."""
    request = ListRecipientsRequest()
    _fill(request, exchange)
    request.business_id = business_id
    return request


def _fill(request: "Message", exchange: "Exchange") -> None:
    faults: list[Fault] = []
    # Whoever sends a page's address on may add to it; cookies open pages alone.
    is_for_page = exchange.path.startswith(f"{PATH}/")
    opening_it = OPENING if is_for_page else (SIGNATURE,)
    query = [(name, text) for name, text in exchange.query() if name not in opening_it]
    descriptor: Any = request.DESCRIPTOR
    fill(request, members_of_query(descriptor, query), faults, is_strict=not is_for_page)
    fill_from_path(request, exchange.parameters, faults)
    if faults:
        raise invalid(faults)
