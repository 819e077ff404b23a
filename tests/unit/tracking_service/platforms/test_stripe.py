"""What Stripe's events become."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.platforms.deliveries import (
    SESSION,
    SHOP,
    delivery,
    facts,
    only_fact,
    payload,
    vector,
)
from tracking_service.platforms.platform import Customer, ErasureRequest, Fact, Ignored, Told, UnreadableDelivery
from tracking_service.platforms.stripe import read, topic

COMPLETED = json.loads(payload("stripe/checkout-session-completed.json"))
REFUND = json.loads(payload("stripe/refund-created.json"))


def told(event: dict[str, Any], type_: str | None = None, **members: object) -> Sequence[Told]:
    """Return what an event tells, of another type and with other members of its object."""
    thing = event["data"]["object"] | members
    return read(delivery(event | {"type": type_ or event["type"], "data": {"object": thing}}), SHOP)


def placed(**members: object) -> Fact:
    """Return the first fact of the recorded session, with other members."""
    return facts(told(COMPLETED, None, **members))[0]


def test_a_paid_session_is_placed_and_confirmed() -> None:
    """The payment names the order, and the session is told by the link's parameter."""
    first, second = facts(read(vector("stripe/checkout-session-completed.json").request, SHOP))
    assert first == Fact(
        action="order.placed",
        reference="pi_invented00000000001",
        aliases=("cs_live_invented0000001",),
        amount="39.90",
        currency="USD",
        occurred_at=datetime.fromtimestamp(1795186803, UTC),
        customer=Customer("", "carla.rios@example.com", "", "Carla Ríos"),
        sessions=(SESSION,),
        tokens=("cs_live_invented0000001",),
    )
    assert second == first._replace(action="order.confirmed")


def test_a_refund_names_the_payment() -> None:
    """It is in minor units, too."""
    assert only_fact(read(vector("stripe/refund-created.json").request, SHOP)) == Fact(
        action="refund.received",
        reference="pi_invented00000000001",
        amount="10.00",
        currency="USD",
        occurred_at=datetime.fromtimestamp(1795446000, UTC),
        refund="re_invented000000000001",
    )


@pytest.mark.parametrize(
    ("currency", "minor", "major"),
    [
        ("usd", 3990, "39.90"),
        ("clp", 41500, "41500"),
        ("pyg", 41500, "41500"),
        ("jpy", 1, "1"),
        ("mga", 500, "500"),
        ("isk", 500, "5.00"),
        ("ugx", 500, "5.00"),
        ("kwd", 12340, "12.340"),
        ("tnd", 5, "0.005"),
        ("usd", 5, "0.05"),
        ("usd", 0, "0"),
        ("usd", 9007199254740993, "90071992547409.93"),
    ],
)
def test_amounts_are_in_stripes_minor_units(currency: str, minor: int, major: str) -> None:
    """Which are not always those of ISO 4217."""
    found = placed(currency=currency, amount_total=minor)
    assert (found.amount, found.currency) == (major, currency.upper())


@pytest.mark.parametrize(
    ("type_", "status", "actions"),
    [
        ("checkout.session.completed", "paid", ["order.placed", "order.confirmed"]),
        ("checkout.session.completed", "no_payment_required", ["order.placed", "order.confirmed"]),
        ("checkout.session.completed", "unpaid", ["order.placed"]),
        ("checkout.session.async_payment_succeeded", "paid", ["order.confirmed"]),
        ("checkout.session.async_payment_failed", "unpaid", ["order.cancelled"]),
    ],
)
def test_a_session_becomes_steps(type_: str, status: str, actions: list[str]) -> None:
    """A payment that takes days confirms or cancels it."""
    assert [fact.action for fact in facts(told(COMPLETED, type_, payment_status=status))] == actions


def test_a_payment_state_that_is_not_known_is_named() -> None:
    """It may mean anything."""
    with pytest.raises(UnreadableDelivery, match="payment_status is not known"):
        told(COMPLETED, payment_status="half")


@pytest.mark.parametrize("status", ["pending", "requires_action", "failed", "canceled"])
def test_a_refund_counts_once_it_has_succeeded(status: str) -> None:
    """Which an update tells."""
    assert isinstance(told(REFUND, status=status)[0], Ignored)
    assert only_fact(told(REFUND, "refund.updated", status="succeeded")).refund == "re_invented000000000001"


@pytest.mark.parametrize(
    "type_",
    [
        "charge.refunded",
        "charge.refund.updated",
        "refund.failed",
        "checkout.session.expired",
        "payment_intent.succeeded",
    ],
)
def test_what_would_tell_it_twice_is_nothing(type_: str) -> None:
    """With the reason."""
    assert isinstance(told(REFUND, type_)[0], Ignored)


def test_a_session_without_a_payment_is_named_by_itself() -> None:
    """A subscription has an invoice in its place; a thing that was asked for whole has its id inside."""
    assert placed(payment_intent=None).reference == "cs_live_invented0000001"
    subscription = placed(payment_intent=None, mode="subscription", invoice={"id": "in_1", "object": "invoice"})
    assert subscription.aliases == ("in_1",)
    assert placed(payment_intent={"id": "pi_1", "object": "payment_intent"}).reference == "pi_1"
    assert isinstance(told(COMPLETED, mode="setup")[0], Ignored)


def test_a_session_may_stand_in_the_metadata() -> None:
    """A shop's own server sets it there; its reference may be something else."""
    found = placed(client_reference_id="order 77", metadata={"hello_session": SESSION, "sku": "x"})
    assert found.sessions == (SESSION,)


def test_what_is_not_live_is_a_test() -> None:
    """By the event's word."""
    test_mode = COMPLETED | {"livemode": False}
    assert all(fact.is_test for fact in facts(told(test_mode)))
    assert only_fact(told(REFUND | {"livemode": False})).is_test


def test_a_customer_who_is_deleted_is_forgotten() -> None:
    """By the id that their payments had."""
    event = COMPLETED | {"type": "customer.deleted", "data": {"object": {"id": "cus_1", "email": "a@example.com"}}}
    assert read(delivery(event), SHOP) == [ErasureRequest(Customer("cus_1", "a@example.com"))]
    assert placed(customer="cus_1").customer.id == "cus_1"


def test_an_event_is_named_by_its_type() -> None:
    """What has none is named by nothing, and cannot be read."""
    assert topic(vector("stripe/refund-created.json").request) == "refund.created"
    assert topic(delivery(b"[]")) == ""
    with pytest.raises(UnreadableDelivery, match=r"^type is missing"):
        read(delivery({}), SHOP)
    with pytest.raises(UnreadableDelivery, match=r"^data.object.id is missing"):
        told(COMPLETED, id=None)
