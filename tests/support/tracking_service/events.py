"""Events as the gateway sends them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc
from common.clock import to_timestamp
from common.ids import new_uuid7

Stub = event_service_pb2_grpc.EventServiceStub
ACCEPTED = event_pb2.RECEIPT_STATUS_ACCEPTED
DUPLICATE = event_pb2.RECEIPT_STATUS_DUPLICATE
CONFLICT = event_pb2.RECEIPT_STATUS_CONFLICT
REJECTED = event_pb2.RECEIPT_STATUS_REJECTED

RECEIVED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SESSION = "a-session-of-a-browser"
JSON_FIELDS = ("object_parameters", "metadata", "extra")


def event(action: str = "page.viewed", **fields: Any) -> event_pb2.Event:
    """Return an event with a session; JSON fields are given as bytes or as what they stand for."""
    told: dict[str, Any] = {"action": action, "session": SESSION} | fields
    for name in JSON_FIELDS:
        if name in told:
            value = told[name]
            text = value if isinstance(value, bytes) else json.dumps(value).encode()
            told[name] = types_pb2.Json(text=text)
    return event_pb2.Event(**{name: value for name, value in told.items() if value is not None})


def order(action: str = "order.placed", reference: str = "1001", **fields: Any) -> event_pb2.Event:
    """Return an event of an order."""
    return event(action, object_parameters={"reference": reference, "source": "shopify"}, **fields)


def submission(
    sent: event_pb2.Event, *, key: str | None = None, minutes: float = 0, **fields: Any
) -> event_pb2.Submission:
    """Return a submission with a private token, received some minutes after noon."""
    received_at = RECEIVED_AT + timedelta(minutes=minutes)
    told: dict[str, Any] = {
        "business_id": "shop",
        "credential": event_pb2.CREDENTIAL_PRIVATE,
        "key": key,
        "id": new_uuid7(received_at).bytes,
        "received_at": to_timestamp(received_at),
        "event": sent,
        "address": "192.0.2.1",
        "user_agent": "Mozilla/5.0",
    }
    return event_pb2.Submission(**(told | fields))


async def track(stub: Stub, *submissions: event_pb2.Submission) -> list[event_pb2.Receipt]:
    """Track one batch and return its receipts."""
    answer = await stub.TrackEvents(event_service_pb2.TrackEventsRequest(submissions=submissions), timeout=120)
    return list(answer.receipts)


def faults(receipt: event_pb2.Receipt) -> list[tuple[str, str]]:
    """Return types and parameters of a receipt's errors."""
    return [(fault.type, fault.parameter) for fault in receipt.errors]
