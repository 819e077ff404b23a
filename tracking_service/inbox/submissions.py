"""Turns facts that platforms tell into events as they come in."""

import hashlib
import json

from clicktrail.common.v1.types_pb2 import Json
from clicktrail.tracking.v1 import event_pb2
from common.clock import to_timestamp
from common.field_rules import rules
from tracking_service.inbox.delivery import PlatformDelivery
from tracking_service.platforms.platform import Customer, Fact

_KEY_LENGTH = rules(event_pb2.Submission, "key").max_length


def submission_of(fact: Fact, source: str, delivery: PlatformDelivery) -> event_pb2.Submission:
    """Return a fact as an event, which is the same one whatever delivery tells it."""
    return event_pb2.Submission(
        business_id=delivery.business_id,
        credential=event_pb2.CREDENTIAL_PRIVATE,
        key=key_of(fact, source),
        received_at=to_timestamp(delivery.received_at),
        event=event_pb2.Event(
            action=fact.action,
            amount=fact.amount,
            currency=fact.currency,
            tracked_at=to_timestamp(fact.occurred_at) if fact.occurred_at else None,
            object_parameters=Json(text=json.dumps(_object(fact, source)).encode()),
        ),
        platform=event_pb2.PlatformWord(
            aliases=() if fact.refund else fact.aliases,
            customer=_customer(fact.customer),
            sessions=fact.sessions,
            tokens=fact.tokens,
        ),
    )


def key_of(fact: Fact, source: str) -> str:
    """Return what a fact is known by; a long one by its hash."""
    key = f"{source}:refund:{fact.refund}" if fact.refund else f"{source}:{fact.action}:{fact.reference}"
    return key if len(key) <= _KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest()


def _object(fact: Fact, source: str) -> dict[str, object]:
    if fact.refund:
        return {**fact.details, "reference": fact.refund, "source": source, "order": fact.reference}
    return {**fact.details, "reference": fact.reference, "source": source}


def _customer(customer: Customer) -> event_pb2.Customer | None:
    told = {name: value for name, value in customer._asdict().items() if value}
    return event_pb2.Customer(**told) if told else None
