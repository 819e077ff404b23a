"""EventService: messages to submissions, and receipts back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import event_pb2, event_service_pb2_grpc
from clicktrail.tracking.v1 import event_service_pb2 as pb
from common.clock import from_timestamp, to_rfc3339
from tracking_service.event_intake import EventIntake
from tracking_service.events import Receipt, SentEvent, Status, Submission
from tracking_service.sessions import Session

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

STATUSES = {
    Status.ACCEPTED: event_pb2.RECEIPT_STATUS_ACCEPTED,
    Status.DUPLICATE: event_pb2.RECEIPT_STATUS_DUPLICATE,
    Status.CONFLICT: event_pb2.RECEIPT_STATUS_CONFLICT,
    Status.REJECTED: event_pb2.RECEIPT_STATUS_REJECTED,
}
_OPTIONAL_TEXTS = frozenset({"session", "profile", "object", "object_type", "amount", "currency"})


class EventServicer(event_service_pb2_grpc.EventServiceServicer):
    """Serves the intake of events."""

    def __init__(self, intake: EventIntake) -> None:
        self._intake = intake

    async def TrackEvents(self, request: pb.TrackEventsRequest, _context: "Context") -> pb.TrackEventsResponse:
        """Record a batch of events."""
        receipts = await self._intake.track([_submission(message) for message in request.submissions])
        return pb.TrackEventsResponse(receipts=[_receipt(receipt) for receipt in receipts])

    async def ExplainAttribution(
        self, request: pb.ExplainAttributionRequest, context: "Context"
    ) -> pb.ExplainAttributionResponse:
        """Say that this is not there yet."""
        raise NotImplementedError


def _submission(message: event_pb2.Submission) -> Submission:
    return Submission(
        business_id=message.business_id,
        is_private=message.credential != event_pb2.CREDENTIAL_PUBLIC,
        key=message.key if message.HasField("key") else None,
        id=message.id,
        received_at=_stamp(message.received_at) if message.HasField("received_at") else None,
        event=_event(message.event),
        fresh_session=_fresh_session(message),
        address=message.address,
        user_agent=message.user_agent,
    )


def _event(message: event_pb2.Event) -> SentEvent:
    told: dict[str, Any] = {field.name: value for field, value in message.ListFields() if field.name in _OPTIONAL_TEXTS}
    if message.HasField("tracked_at"):
        told["tracked_at"] = _stamp(message.tracked_at)
    return SentEvent(
        action=message.action,
        object_parameters=message.object_parameters.text,
        metadata=message.metadata.text,
        extra=message.extra.text,
        user_parameters=_values(message.user_parameters),
        page=_values(message.page),
        utm_params=_values(message.utm_params),
        **told,
    )


def _values(message: "Message") -> Mapping[str, str] | None:
    """Return the fields that are set, times as RFC 3339; None where none is."""
    values = {}
    for field, value in message.ListFields():
        if field.message_type is None:
            values[field.name] = value
        else:
            try:
                values[field.name] = to_rfc3339(from_timestamp(value))
            except OverflowError:
                values[field.name] = str(value.seconds)
    return values or None


def _fresh_session(message: event_pb2.Submission) -> Session | None:
    """Return the session as the shortener knows it; None where it says nothing of this event's."""
    fresh = message.fresh_session
    if not fresh.id or (fresh.business_id, fresh.id) != (message.business_id, message.event.session):
        return None
    try:
        created_at = from_timestamp(fresh.created_at)
    except OverflowError:
        return None
    return Session(
        id=fresh.id,
        profile=fresh.profile or None,
        link=fresh.link or None,
        campaign=fresh.campaign or None,
        journey=fresh.journey or None,
        message=fresh.message or None,
        created_at=created_at,
    )


def _stamp(stamp: "Timestamp") -> tuple[int, int]:
    return stamp.seconds, stamp.nanos // 1000


def _receipt(receipt: Receipt) -> event_pb2.Receipt:
    return event_pb2.Receipt(
        id=None if receipt.id is None else str(receipt.id),
        key=receipt.key,
        status=STATUSES[receipt.status],
        errors=[
            types_pb2.Fault(type=fault.type, parameter=fault.parameter, description=fault.description)
            for fault in receipt.faults
        ],
    )
