"""Answers with what became of events."""

from base64 import b64decode
from collections.abc import Mapping

from clicktrail.tracking.v1.event_pb2 import (
    RECEIPT_STATUS_ACCEPTED,
    RECEIPT_STATUS_CONFLICT,
    RECEIPT_STATUS_DUPLICATE,
    RECEIPT_STATUS_REJECTED,
    REFUNDED_ORDER_UNKNOWN,
    Receipt,
)
from common.errors import ClicktrailError, Fault, FaultType, Kind
from common.rpc.errors import fault_message
from gateway.http.errors import RETRY_AFTER_SECONDS, Problem, RefusedError, problem_of
from gateway.http.exchange import Answer, Exchange
from gateway.http.routes import Style, api_headers, error_answer
from gateway.json.text import Value
from gateway.redirects.error_pages import wants_json

RECEIVED = frozenset({RECEIPT_STATUS_ACCEPTED, RECEIPT_STATUS_DUPLICATE})

# The status of an answer to a single event that was not taken, the first type found deciding; otherwise 422.
STATUSES: dict[FaultType, int] = {
    FaultType.UNAVAILABLE: 503,
    FaultType.NOT_FOUND: 404,
    FaultType.CONFLICT: 409,
    FaultType.TOO_LARGE: 413,
}
_CONFLICT = Fault(FaultType.CONFLICT, "id", "Another event was sent with this id or Idempotency-Key.")

# One transparent point.
GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# Names the business in a query; not part of the event.
BUSINESS = "business"


def answer_of(receipt: Receipt) -> Answer:
    """Return the answer to a single event. Raises the refusal of one that was not taken."""
    if receipt.status in RECEIVED:
        # Our own id: there is nothing in it to escape.
        order = ',"order":"unknown"' if receipt.order == REFUNDED_ORDER_UNKNOWN else ""
        return Answer(200, f'{{"status":"received","id":"{receipt.id}"{order}}}'.encode())
    faults = [Fault(FaultType(fault.type), fault.parameter or None, fault.description) for fault in receipt.errors] or [
        _CONFLICT
    ]
    if receipt.status == RECEIPT_STATUS_CONFLICT:
        raise RefusedError(Problem(409, faults))
    types = {fault.type for fault in faults}
    status = next((status for type_, status in STATUSES.items() if type_ in types), 422)
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status == 503 else {}  # noqa: PLR2004  (unavailable)
    raise RefusedError(Problem(status, faults, headers))


def rejected(faults: list[Fault], key: str | None = None) -> Receipt:
    """Return the receipt of an event that is not taken."""
    return Receipt(key=key, status=RECEIPT_STATUS_REJECTED, errors=[fault_message(fault) for fault in faults])


def receipt_of_error(error: BaseException, key: str | None, request_id: str) -> Receipt:
    """Return the receipt of an event of a batch that failed alone."""
    return rejected(list(problem_of(error, request_id).faults), key)


def is_unavailable(outcome: object) -> bool:
    """Tell whether an event could not be taken at the moment: for all that were sent with it, or for it alone."""
    if isinstance(outcome, Receipt):
        return any(fault.type == FaultType.UNAVAILABLE for fault in outcome.errors)
    return isinstance(outcome, ClicktrailError) and outcome.kind is Kind.UNAVAILABLE


def event_in_query(exchange: Exchange) -> dict[str, Value]:
    """Return the event that a query describes; of a name that stands twice, the last counts.

    What is empty is absent: the template of a mail leaves a field so that it has nothing for.
    """
    return {name: text for name, text in exchange.query() if text and name != BUSINESS}


def image(status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the image."""
    return Answer(status, GIF, headers or {}, "image/gif")


def _error_image(error: Exception, exchange: Exchange) -> Answer:
    """Return the image with the status of an error: a mail would show anything else as a broken picture."""
    told = error_answer(error, exchange)
    return told if wants_json(exchange.scope["headers"], is_link=True) else image(told.status, told.headers)


PIXEL_STYLE = Style(api_headers, _error_image, is_for_programs=True)
"""How the image answers."""
