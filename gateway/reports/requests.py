"""Reads which report a request of the API asks for."""

from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1.report_service_pb2 import GetReportRequest, ListRecipientsRequest
from common.errors import Fault, invalid
from gateway.json.reader import fill, fill_from_path, members_of_query
from gateway.reports.access import PARAMETER

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from gateway.http.exchange import Exchange


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
    query = [(name, text) for name, text in exchange.query() if name != PARAMETER]
    descriptor: Any = request.DESCRIPTOR
    fill(request, members_of_query(descriptor, query), faults)
    fill_from_path(request, exchange.parameters, faults)
    if faults:
        raise invalid(faults)
