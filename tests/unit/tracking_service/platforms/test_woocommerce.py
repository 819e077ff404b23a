"""What WooCommerce's webhooks become."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.platforms.deliveries import (
    OTHER_SESSION,
    SESSION,
    SHOP,
    delivery,
    facts,
    only_fact,
    payload,
    vector,
)
from tracking_service.platforms.platform import (
    Customer,
    ErasureRequest,
    Fact,
    Ignored,
    Told,
    UnreadableDelivery,
)
from tracking_service.platforms.woocommerce import read, topic

CREATED = json.loads(payload("woocommerce/order-created.json"))
REFUNDED = json.loads(payload("woocommerce/order-updated-refunded.json"))


def told(order: dict[str, Any], topic_: str = "order.updated") -> Sequence[Told]:
    """Return what a delivery of an order tells."""
    return read(delivery(order, x_wc_webhook_topic=topic_), SHOP)


def placed(**members: object) -> Fact:
    """Return the order's first fact, with other members than the recorded one has."""
    return facts(told(CREATED | members))[0]


def actions(order: dict[str, Any]) -> list[str]:
    """Return the actions that a delivery of an order tells."""
    return [fact.action for fact in facts(told(order))]


def test_a_paid_order_is_placed_and_confirmed() -> None:
    """With all that the shop knows of it."""
    first, second = facts(read(vector("woocommerce/order-created.json").request, SHOP))
    assert first == Fact(
        action="order.placed",
        reference="5021",
        aliases=("#5021",),
        amount="50.00",
        currency="USD",
        occurred_at=datetime(2026, 11, 20, 14, 40, 2, tzinfo=UTC),
        customer=Customer("", "bruno.paz@example.com", "+54 9 341 000-0001", "Bruno Paz"),
        sessions=(SESSION,),
        tokens=("wc_order_invented0001",),
        details={
            "number": "5021",
            "items": [{"name": "Termo 1 L", "quantity": 1, "price": "45", "sku": "TERMO-1"}],
        },
    )
    assert second == first._replace(
        action="order.confirmed", occurred_at=datetime(2026, 11, 20, 14, 41, 10, tzinfo=UTC)
    )


def test_an_update_tells_its_state_and_each_refund() -> None:
    """A refund is written with a minus sign, and is the order's money."""
    found = facts(read(vector("woocommerce/order-updated-refunded.json").request, SHOP))
    assert [(fact.action, fact.amount, fact.refund) for fact in found] == [
        ("order.placed", "50.00", None),
        ("order.confirmed", "50.00", None),
        ("order.delivered", "50.00", None),
        ("refund.received", "20.00", "5044"),
    ]
    assert {(fact.reference, fact.currency) for fact in found} == {("5021", "USD")}
    assert found[2].occurred_at == datetime(2026, 11, 22, 19, tzinfo=UTC)
    assert found[3].occurred_at == datetime(2026, 11, 24, 12, 10, tzinfo=UTC)


def test_several_refunds_are_each_their_own() -> None:
    """Also of an order that is refunded as a whole, which is no cancellation."""
    refunds = [{"id": 1, "total": "-10.00"}, {"id": 2, "total": "-40.00"}]
    found = facts(told(REFUNDED | {"status": "refunded", "refunds": refunds}))
    assert [(fact.refund, fact.amount) for fact in found if fact.action == "refund.received"] == [
        ("1", "10.00"),
        ("2", "40.00"),
    ]
    assert "order.cancelled" not in [fact.action for fact in found]


@pytest.mark.parametrize(
    ("status", "expected", "amount"),
    [
        ("pending", ["order.placed"], None),
        ("failed", ["order.placed"], None),
        ("on-hold", ["order.placed"], "50.00"),
        ("processing", ["order.placed", "order.confirmed"], "50.00"),
        ("wc-processing", ["order.placed", "order.confirmed"], "50.00"),
        ("completed", ["order.placed", "order.confirmed", "order.delivered"], "50.00"),
        ("cancelled", ["order.placed", "order.cancelled"], None),
        ("a-plugin-has-its-own", ["order.placed"], "50.00"),
    ],
)
def test_a_status_becomes_steps(status: str, expected: list[str], amount: str | None) -> None:
    """A price counts once the shop accepts the order: a payment that failed may succeed later."""
    order = CREATED | {"status": status, "date_paid_gmt": None}
    assert actions(order) == expected
    assert {(fact.amount, fact.currency) for fact in facts(told(order))} == {(amount, "USD" if amount else None)}


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "trash"])
def test_drafts_are_no_orders(status: str) -> None:
    """A cart whose checkout was opened is one."""
    assert isinstance(told(CREATED | {"status": status}, "order.created")[0], Ignored)


def test_an_order_in_the_trash_stays_recorded() -> None:
    """It can be taken out of it again."""
    (found,) = read(vector("woocommerce/order-deleted.json").request, SHOP)
    assert isinstance(found, Ignored)
    assert [fact.action for fact in facts(told(CREATED, "order.restored"))] == ["order.placed", "order.confirmed"]


def test_a_customer_who_is_deleted_is_forgotten() -> None:
    """By the id that their orders had."""
    assert told({"id": 77}, "customer.deleted") == [ErasureRequest(Customer(id="77"))]


@pytest.mark.parametrize("other", ["product.updated", "coupon.created", "customer.created", "action.x", ""])
def test_other_topics_say_that_they_are_not_needed(other: str) -> None:
    """The merchant reads it among the deliveries."""
    (found,) = told({"id": 1}, other)
    assert isinstance(found, Ignored)
    assert other in found.reason


def test_a_customer_with_an_account_has_an_id() -> None:
    """A guest has none."""
    assert placed(customer_id=12).customer.id == "12"
    assert placed(customer_id="0").customer.id == ""


def test_a_number_of_a_plugin_is_an_alias() -> None:
    """Customers see it with "#" or without."""
    assert placed(number="R-1042").aliases == ("R-1042", "#R-1042")
    assert placed(number="").aliases == ()


def test_a_session_that_a_plugin_keeps_goes_before_the_landing_address() -> None:
    """Also with an underscore, which hides it from the shop's pages."""
    for key in ("hello_session", "_hello_session"):
        meta = [*CREATED["meta_data"], {"id": 1, "key": key, "value": OTHER_SESSION}]
        assert placed(meta_data=meta).sessions == (OTHER_SESSION, SESSION)


def test_what_hellotexts_plugin_encrypts_is_no_session() -> None:
    """Though by chance it may look like one."""
    meta = [{"id": 1, "key": "hellotext_session", "value": "A" * 64}]
    assert placed(meta_data=meta).sessions == ()


def test_meta_data_of_any_kind_is_no_fault() -> None:
    """Plugins keep objects and lists there, and PHP writes a list with gaps as an object."""
    meta = [{"id": 1, "key": "x", "value": {"a": [1]}}, "text", None, {"key": None}, *CREATED["meta_data"]]
    assert placed(meta_data=meta).sessions == (SESSION,)
    assert placed(meta_data={str(index + 3): each for index, each in enumerate(meta)}).sessions == (SESSION,)
    assert placed(meta_data="none").sessions == ()


@pytest.mark.parametrize("total", ["fifty", "-50.00", True, {"amount": 1}, "1,290.00", "1e999999"])
def test_an_amount_that_is_none_is_named(total: object) -> None:
    """Rather than recorded as an order without a price."""
    with pytest.raises(UnreadableDelivery, match=r"^total is no amount"):
        placed(total=total)


def test_what_an_order_cannot_be_without_is_named() -> None:
    """By its path."""
    for member, name in (("id", "id"), ("status", "status"), ("currency", "currency")):
        with pytest.raises(UnreadableDelivery, match=f"^{name} "):
            told(CREATED | {member: None})
    with pytest.raises(UnreadableDelivery, match=r"^refunds\[1\]\.id "):
        told(REFUNDED | {"refunds": [{"id": 1, "total": "-1"}, {"total": "-1"}]})
    with pytest.raises(UnreadableDelivery, match=r"^currency is no currency"):
        placed(currency="BTC")


def test_times_that_are_none_are_not_told() -> None:
    """WordPress writes zeros."""
    assert placed(date_created_gmt="0000-00-00T00:00:00").occurred_at is None
    assert placed(date_created_gmt=None).occurred_at is None


def test_the_topic_is_the_headers() -> None:
    """As it is shown among the deliveries."""
    assert topic(vector("woocommerce/order-created.json").request) == "order.created"


def test_a_free_order_has_an_amount_of_zero() -> None:
    """It is an order."""
    assert placed(total="0.00").amount == "0.00"
    assert only_fact(told(CREATED | {"total": "0", "status": "on-hold", "date_paid_gmt": None})).amount == "0"
