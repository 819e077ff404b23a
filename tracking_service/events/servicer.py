"""EventService: messages to submissions, and receipts back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import event_pb2, event_service_pb2_grpc
from clicktrail.tracking.v1 import event_service_pb2 as pb
from common.clock import to_timestamp
from common.errors import FaultType, field_fault
from common.rpc.errors import fault_message
from tracking_service.attribution.explanation import Explanations
from tracking_service.attribution.messages import explanation_message
from tracking_service.events.event import Receipt, Status, Submission
from tracking_service.events.messages import stamp, submission_from
from tracking_service.events.refund_store import PostgresRefunds, UnmatchedRefund
from tracking_service.messages import check_texts, money_message, page_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

Intake = Callable[[Sequence[Submission]], Awaitable[list[Receipt]]]
"""Takes a batch in and returns one receipt per event, in order, once all that was accepted is durable."""

STATUSES = {
    Status.ACCEPTED: event_pb2.RECEIPT_STATUS_ACCEPTED,
    Status.DUPLICATE: event_pb2.RECEIPT_STATUS_DUPLICATE,
    Status.CONFLICT: event_pb2.RECEIPT_STATUS_CONFLICT,
    Status.REJECTED: event_pb2.RECEIPT_STATUS_REJECTED,
}
_NOT_A_PLATFORM = field_fault("platform", "is tracking's own.", FaultType.NOT_ALLOWED)
ORDERS = {True: event_pb2.REFUNDED_ORDER_KNOWN, False: event_pb2.REFUNDED_ORDER_UNKNOWN}


class EventServicer(event_service_pb2_grpc.EventServiceServicer):
    """Serves the intake of events, and explains them."""

    def __init__(self, intake: Intake, explanations: Explanations, refunds: PostgresRefunds) -> None:
        self._intake = intake
        self._explanations = explanations
        self._refunds = refunds

    async def TrackEvents(self, request: pb.TrackEventsRequest, _context: "Context") -> pb.TrackEventsResponse:
        """Record a batch of events."""
        return pb.TrackEventsResponse(receipts=await self._receipts(request.submissions))

    async def TrackBatches(
        self, request_iterator: AsyncIterator[pb.TrackBatchesRequest], _context: "Context"
    ) -> AsyncIterator[pb.TrackBatchesResponse]:
        """Record batches one after the other."""
        async for request in request_iterator:
            yield pb.TrackBatchesResponse(receipts=await self._receipts(request.submissions))

    async def ExplainAttribution(
        self, request: pb.ExplainAttributionRequest, _context: "Context"
    ) -> pb.ExplainAttributionResponse:
        """Explain what an event was credited to."""
        check_texts(request)
        return explanation_message(await self._explanations.explain(request.business_id, request.event))

    async def ListUnmatchedRefunds(
        self, request: pb.ListUnmatchedRefundsRequest, _context: "Context"
    ) -> pb.ListUnmatchedRefundsResponse:
        """List the refunds whose order there is not."""
        check_texts(request)
        refunds, has_more = await self._refunds.unmatched(request.business_id, page_from(request))
        return pb.ListUnmatchedRefundsResponse(refunds=map(_refund_message, refunds), has_more=has_more)

    async def _receipts(self, submissions: Sequence[event_pb2.Submission]) -> list[event_pb2.Receipt]:
        """Record a batch, and return what became of each event."""
        for message in submissions:
            stamp(message)
        refused = [message.HasField("platform") for message in submissions]
        taken = [message for message, is_refused in zip(submissions, refused, strict=True) if not is_refused]
        receipts = iter(await self._intake(list(map(submission_from, taken))))
        return [
            _refused(message) if is_refused else _receipt(next(receipts))
            for message, is_refused in zip(submissions, refused, strict=True)
        ]


def _refused(message: event_pb2.Submission) -> event_pb2.Receipt:
    """Return the receipt of what claims to be a platform's: those speak through our own inbox alone."""
    key = message.key if message.HasField("key") else None
    return _receipt(Receipt(Status.REJECTED, None, key, (_NOT_A_PLATFORM,)))


def _receipt(receipt: Receipt) -> event_pb2.Receipt:
    return event_pb2.Receipt(
        id=None if receipt.id is None else str(receipt.id),
        key=receipt.key,
        status=STATUSES[receipt.status],
        errors=list(map(fault_message, receipt.faults)) or None,
        order=None if receipt.is_order_known is None else ORDERS[receipt.is_order_known],
    )


def _refund_message(refund: UnmatchedRefund) -> pb.UnmatchedRefund:
    return pb.UnmatchedRefund(
        event=str(refund.id),
        received_at=to_timestamp(refund.received_at),
        order=refund.order or None,
        source=refund.source or None,
        amount=None if refund.amount is None else money_message(refund.amount),
    )
