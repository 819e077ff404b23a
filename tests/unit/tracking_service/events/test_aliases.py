"""Which references of an order a platform's word brings."""

from typing import Any

import pytest

from clicktrail.tracking.v1 import event_pb2
from tests.support.tracking_service.events import event, order, submission
from tracking_service.events import ids
from tracking_service.events.event import Draft
from tracking_service.events.messages import submission_from
from tracking_service.events.object_store import Alias, aliases_of
from tracking_service.events.rules import EventContext, judge

CONTEXT = EventContext("USD", frozenset(), {})
REFERENCE = "820982911946154508"
REFUND = {"reference": "r1", "source": "shopify", "order": REFERENCE}


def drafted(sent: event_pb2.Event, *aliases: str, **fields: Any) -> Draft:
    """Return the draft of a platform's word."""
    message = submission(sent, platform=event_pb2.PlatformWord(aliases=aliases), **fields)
    draft = judge(submission_from(message), CONTEXT)
    assert isinstance(draft, Draft), draft
    return draft


def order_id(reference: str, source: str = "shopify") -> object:
    """Return the object id that an order has by a reference."""
    return ids.object_id("shop", "order", source, reference)


def told(draft: Draft) -> list[tuple[object, object]]:
    """Return what a draft says that stands for what."""
    return [(alias.alias_id, alias.object_id) for alias in aliases_of(draft)]


def test_a_step_brings_its_own_reference_and_the_others() -> None:
    """In the same source, as references are compared, each once."""
    draft = drafted(order(reference=REFERENCE), "#1042", " 1042\t", "1042", REFERENCE)
    own = order_id(REFERENCE)
    assert told(draft) == [(own, own), (order_id("#1042"), own), (order_id("1042"), own)]
    assert next(aliases_of(draft)) == Alias("shop", draft.object_id, draft.object_id, draft.received_at)  # type: ignore[arg-type]


def test_a_refund_brings_those_of_its_order() -> None:
    """And none of its own; one that names no order brings nothing."""
    own = order_id(REFERENCE)
    assert told(drafted(event("refund.received", object_parameters=REFUND), "1042")) == [
        (own, own),
        (order_id("1042"), own),
    ]
    assert told(drafted(event("refund.received", object_parameters={"reference": "r2"}), "1042")) == []


@pytest.mark.parametrize("alias", ["", " \u200b", "a\0b", "x" * 256])
def test_what_can_be_no_reference_is_passed_over(alias: str) -> None:
    """The order stands without it."""
    assert told(drafted(order(reference=REFERENCE), alias)) == [(order_id(REFERENCE), order_id(REFERENCE))]


def test_there_are_few() -> None:
    """However many a platform tells."""
    draft = drafted(order(reference=REFERENCE), *(str(number) for number in range(100)))
    assert len(told(draft)) == 11


def test_only_platforms_tell_them_and_only_of_orders() -> None:
    """Not what no platform tells, not for an object that is no order."""
    silent = judge(submission_from(submission(order())), CONTEXT)
    assert isinstance(silent, Draft)
    assert told(silent) == []
    product = {"reference": "7", "source": "shopify"}
    assert told(drafted(event("product.purchased", object_parameters=product), "1042")) == []
