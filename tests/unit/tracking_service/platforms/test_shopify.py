"""What Shopify's webhooks become."""

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
    only_fact,
    payload,
    vector,
)
from tracking_service.platforms.platform import (
    Customer,
    Ending,
    ErasureRequest,
    Fact,
    Ignored,
    Told,
    UnreadableDelivery,
)
from tracking_service.platforms.shopify import read

ORDER = json.loads(payload("shopify/orders-create.json"))
REFUND = json.loads(payload("shopify/refunds-create.json"))
TRANSACTION = REFUND["transactions"][0]


def told(body: dict[str, Any], topic: str) -> Sequence[Told]:
    """Return what a delivery tells."""
    return read(delivery(body, x_shopify_topic=topic), SHOP)


def placed(**members: object) -> Fact:
    """Return the recorded order's fact, with other members."""
    return only_fact(told(ORDER | members, "orders/create"))


def refund(*transactions: dict[str, Any]) -> Told:
    """Return what the recorded refund tells with other transactions."""
    (found,) = told(REFUND | {"transactions": list(transactions)}, "refunds/create")
    return found


def test_an_order_is_placed() -> None:
    """Its id is larger than a float can hold, and stays what it is."""
    assert only_fact(read(vector("shopify/orders-create.json").request, SHOP)) == Fact(
        action="order.placed",
        reference="820000000000001234",
        aliases=("1042", "#1042", "gid://shopify/Order/820000000000001234"),
        amount="2770.00",
        currency="UYU",
        occurred_at=datetime(2026, 11, 20, 17, 3, 21, tzinfo=UTC),
        customer=Customer("7200000000051", "ana.suarez@example.com", "+59899000001", "Ana Suárez"),
        sessions=(SESSION,),
        tokens=("5f00d0invented0checkout0token000", "hWN0000invented"),
        details={
            "number": "#1042",
            "items": [{"name": "Mate imperial - Negro", "quantity": 2, "price": "1290.00", "sku": "MATE-NEG"}],
        },
    )


def test_a_refund_takes_back_what_was_paid_out() -> None:
    """It is told by its transactions, and by the order's id."""
    assert only_fact(read(vector("shopify/refunds-create.json").request, SHOP)) == Fact(
        action="refund.received",
        reference="820000000000001234",
        amount="1290.00",
        currency="UYU",
        occurred_at=datetime(2026, 11, 23, 13, 15, tzinfo=UTC),
        refund="930000000000005678",
    )


def test_a_refund_is_the_sum_of_what_succeeded() -> None:
    """Paid by a card and a gift card, it has a transaction for each."""
    parts = [{"amount": "0.10"}, {"amount": 0.2}, {"amount": "5", "status": "failure"}, {"amount": "7", "kind": "void"}]
    found = refund(*(TRANSACTION | part for part in parts))
    assert isinstance(found, Fact)
    assert found.amount == "0.30"


def test_a_refund_without_money_is_nothing() -> None:
    """Goods were put back into stock, or the money is still on its way."""
    assert isinstance(refund(), Ignored)
    assert isinstance(refund(TRANSACTION | {"status": "pending"}), Ignored)


def test_a_refund_in_two_currencies_is_not_summed() -> None:
    """There is no rate."""
    with pytest.raises(UnreadableDelivery, match="transactions are of several currencies"):
        refund(TRANSACTION, TRANSACTION | {"currency": "USD"})


@pytest.mark.parametrize(
    ("topic", "action"),
    [
        ("orders/create", "order.placed"),
        ("orders/paid", "order.confirmed"),
        ("orders/fulfilled", "order.shipped"),
        ("orders/cancelled", "order.cancelled"),
    ],
)
def test_a_topic_becomes_a_step(topic: str, action: str) -> None:
    """Of one order."""
    found = only_fact(told(ORDER | {"cancelled_at": "2026-11-21T00:00:00Z"}, topic))
    assert (found.action, found.reference, found.amount) == (action, "820000000000001234", "2770.00")


@pytest.mark.parametrize(
    "topic", ["orders/updated", "orders/edited", "orders/delete", "customers/data_request", "x/y", ""]
)
def test_other_topics_say_why_nothing_is_recorded(topic: str) -> None:
    """The merchant reads it among the deliveries."""
    (found,) = told(ORDER, topic)
    assert isinstance(found, Ignored)
    assert len(found.reason) > 20


def test_requests_about_people_are_erasures() -> None:
    """With the person's orders, where they are named."""
    assert read(vector("shopify/customers-redact.json").request, SHOP) == [
        ErasureRequest(Customer("7200000000051", "ana.suarez@example.com", "+59899000001"), ("820000000000001234",))
    ]
    assert told({"id": 7200000000051}, "customers/delete") == [ErasureRequest(Customer("7200000000051"))]
    with pytest.raises(UnreadableDelivery, match="customer names nobody"):
        told({"shop_id": 1, "customer": {}}, "customers/redact")


@pytest.mark.parametrize("topic", ["app/uninstalled", "shop/redact"])
def test_a_shop_that_leaves_ends_the_connection(topic: str) -> None:
    """With the reason."""
    assert isinstance(told({"id": 1}, topic)[0], Ending)


def test_an_order_of_the_test_mode_is_marked() -> None:
    """Only where it says so."""
    assert placed(test=True).is_test
    assert not placed(test="true").is_test
    found = refund(TRANSACTION | {"test": True})
    assert isinstance(found, Fact)
    assert found.is_test


def test_a_guest_has_no_id() -> None:
    """But an address."""
    assert placed(customer=None).customer == Customer("", "ana.suarez@example.com", "+59899000001", "Ana Suárez")


@pytest.mark.parametrize(
    ("landing", "expected"),
    [
        (f"/?hello_session={OTHER_SESSION}", (SESSION, OTHER_SESSION)),
        (f"https://shop.example/a?x=1&amp;hellotext_session={OTHER_SESSION}#top", (SESSION, OTHER_SESSION)),
        (f"/cart/1:1?attributes%5Bhello_session%5D={OTHER_SESSION}", (SESSION,)),
        (f"/#?hello_session={OTHER_SESSION}", (SESSION,)),
        ("https://[broken", (SESSION,)),
        ("/?" + "&" * 8000, (SESSION,)),
        (None, (SESSION,)),
        (["/"], (SESSION,)),
    ],
)
def test_a_landing_address_comes_after_the_carts_attribute(landing: object, expected: tuple[str, ...]) -> None:
    """A path or a whole address, or what is neither."""
    assert placed(landing_site=landing).sessions == expected


def test_a_parameter_with_brackets_is_an_attribute_of_the_cart() -> None:
    """A link to a cart has it so."""
    shop = SHOP._replace(session_parameters=("attributes[sms]",))
    order = ORDER | {
        "note_attributes": [{"name": "sms", "value": SESSION}],
        "landing_site": f"/cart/1:1?attributes%5Bsms%5D={OTHER_SESSION}",
    }
    assert only_fact(read(delivery(order, x_shopify_topic="orders/create"), shop)).sessions == (SESSION, OTHER_SESSION)


def test_a_carts_token_is_told_without_its_key() -> None:
    """As pages tell it; what is no token is none."""
    assert placed(cart_token="abcdefgh?key=def", checkout_token=None).tokens == ("abcdefgh",)
    assert placed(cart_token="abc", checkout_token="x" * 201).tokens == ()


def test_numbers_stay_as_they_were_written() -> None:
    """Also where JSON has them as numbers."""
    body = json.dumps(ORDER).replace('"total_price": "2770.00"', '"total_price": 2770.10').encode()
    assert only_fact(read(delivery(body, x_shopify_topic="orders/create"), SHOP)).amount == "2770.10"
