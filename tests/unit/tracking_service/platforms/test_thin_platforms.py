"""What VTEX, Tiendanube and Mercado Pago name, and what becomes of what is fetched."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.platforms.deliveries import SESSION, SHOP, delivery, facts, payload, vector
from tracking_service.platforms import mercadopago, tiendanube, vtex
from tracking_service.platforms.platform import (
    Customer,
    Ending,
    ErasureRequest,
    Fact,
    Ignored,
    ToFetch,
    UnreadableDelivery,
)

VTEX_ORDER = json.loads(payload("vtex/get-order.json"))
TIENDANUBE_ORDER = json.loads(payload("tiendanube/get-order.json"))
PAYMENT = json.loads(payload("mercadopago/get-payment.json"))


def vtex_order(**members: object) -> list[Fact]:
    """Return what the recorded order of VTEX tells with other members."""
    return facts(vtex.read_fetched("order", json.dumps(VTEX_ORDER | members).encode(), SHOP))


def tiendanube_order(**members: object) -> list[Fact]:
    """Return what the recorded order of Tiendanube tells with other members."""
    return facts(tiendanube.read_fetched("order", json.dumps(TIENDANUBE_ORDER | members).encode(), SHOP))


def payment(**members: object) -> list[Fact]:
    """Return what the recorded payment tells with other members."""
    return facts(mercadopago.read_fetched("payment", json.dumps(PAYMENT | members).encode(), SHOP))


def actions(found: list[Fact]) -> list[str]:
    """Return what happened."""
    return [fact.action for fact in found]


def test_notifications_name_what_is_to_be_fetched() -> None:
    """And no more: what else they say is a hint."""
    assert vtex.read(vector("vtex/hook-notification.json").request, SHOP) == [ToFetch("order", "v70000001invt-01")]
    order = vector("tiendanube/order-paid-notification.json").request
    assert tiendanube.read(order, SHOP) == [ToFetch("order", "1300000017")]
    paid = vector("mercadopago/payment-updated-notification.json").request
    assert mercadopago.read(paid, SHOP) == [ToFetch("payment", "99000000001")]
    assert [
        vtex.topic(vector("vtex/hook-notification.json").request),
        tiendanube.topic(order),
        mercadopago.topic(paid),
    ] == [
        "payment-approved",
        "order/paid",
        "payment",
    ]


@pytest.mark.parametrize("id_", ["../1", "", "1/2", "a b", "..", "?x", "é", None, [1], "x" * 101])
def test_an_id_that_would_be_another_address_is_refused(id_: object) -> None:
    """It is put into one."""
    with pytest.raises(UnreadableDelivery):
        vtex.read(delivery({"OrderId": id_, "State": "x"}), SHOP)
    with pytest.raises(UnreadableDelivery):
        tiendanube.read(delivery({"store_id": 1, "event": "order/paid", "id": id_}), SHOP)
    with pytest.raises(UnreadableDelivery):
        mercadopago.read(delivery({"type": "payment", "data": {"id": id_}}), SHOP)


def test_an_order_of_vtex_is_in_hundredths_of_every_currency() -> None:
    """The Chilean peso has none, and yet."""
    placed, confirmed = vtex_order()
    assert placed == Fact(
        action="order.placed",
        reference="v70000001invt-01",
        aliases=("v70000001invt", "70000001", "#70000001"),
        amount="12490.00",
        currency="CLP",
        occurred_at=datetime(2026, 11, 20, 17, 3, 20, 123456, tzinfo=UTC),
        customer=Customer("00000000-0000-4000-8000-000000000001", "", "+56900000001", "Diego Soto"),
        sessions=(SESSION,),
        tokens=("00000000000000000000000000000abc",),
        details={
            "number": "70000001",
            "items": [{"name": "Zapatilla 42", "quantity": 1, "price": "12000.00"}],
        },
    )
    assert confirmed == placed._replace(
        action="order.confirmed", occurred_at=datetime(2026, 11, 20, 17, 5, 2, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("payment-pending", ["order.placed"]),
        ("order-created", ["order.placed"]),
        ("handling", ["order.placed", "order.confirmed"]),
        ("invoiced", ["order.placed", "order.confirmed", "order.shipped"]),
        ("canceled", ["order.placed", "order.cancelled"]),
    ],
)
def test_a_status_of_vtex_becomes_steps(status: str, expected: list[str]) -> None:
    """All that it proves."""
    assert actions(vtex_order(status=status)) == expected


def test_an_order_of_vtex_of_another_seller_is_not_the_whole() -> None:
    """The group's id is the first one's alias alone; an incomplete one is no order."""
    assert "v70000001invt" not in vtex_order(orderId="v70000001invt-02")[0].aliases
    (found,) = vtex.read_fetched("order", json.dumps(VTEX_ORDER | {"status": "incomplete"}).encode(), SHOP)
    assert isinstance(found, Ignored)


def test_restitutions_of_vtex_are_refunds() -> None:
    """Each by the invoice that gave it back."""
    packages = [
        {
            "invoiceNumber": "77",
            "issuanceDate": "2026-11-25T10:00:00+00:00",
            "restitutions": {"Refund": {"value": 100050}},
        },
        {"invoiceNumber": "78", "restitutions": {}},
    ]
    *_, refund = vtex_order(packageAttachment={"packages": packages})
    assert (refund.action, refund.refund, refund.amount) == ("refund.received", "v70000001invt-01:77", "1000.50")
    assert refund.occurred_at == datetime(2026, 11, 25, 10, tzinfo=UTC)


def test_an_order_of_tiendanube_is_placed_and_confirmed() -> None:
    """Its times have no colon in their zone."""
    placed, confirmed = tiendanube_order()
    assert placed == Fact(
        action="order.placed",
        reference="1300000017",
        aliases=("512", "#512"),
        amount="41500.00",
        currency="ARS",
        occurred_at=datetime(2026, 11, 20, 17, 10, tzinfo=UTC),
        customer=Customer("60000001", "elena.gil@example.com", "+5491100000001", "Elena Gil"),
        sessions=(SESSION,),
        tokens=("0000inventedtoken",),
        details={
            "number": "512",
            "items": [{"name": "Campera azul", "quantity": 1, "price": "38000.00", "sku": "CAMP-AZ"}],
        },
    )
    assert confirmed == placed._replace(
        action="order.confirmed", occurred_at=datetime(2026, 11, 20, 17, 12, 30, tzinfo=UTC)
    )
    assert tiendanube_order(extra=[])[0].sessions == (SESSION,)


def test_an_order_of_tiendanube_that_is_paid_back_is_refunded_whole() -> None:
    """There is no refund to be named by, and of a part no amount."""
    *_, refund = tiendanube_order(payment_status="refunded")
    assert (refund.action, refund.refund, refund.amount) == ("refund.received", "1300000017:refunded", "41500.00")
    assert actions(tiendanube_order(payment_status="partially_refunded")) == ["order.placed", "order.confirmed"]
    assert actions(tiendanube_order(payment_status="pending", status="cancelled")) == [
        "order.placed",
        "order.cancelled",
    ]


@pytest.mark.parametrize("event", ["app/uninstalled", "app/suspended"])
def test_a_shop_of_tiendanube_that_leaves_ends_the_connection(event: str) -> None:
    """By its own events."""
    assert isinstance(tiendanube.read(delivery({"store_id": 1, "event": event}), SHOP)[0], Ending)


def test_requests_of_tiendanube_about_people_are_told_by_their_shape() -> None:
    """They have no event."""
    redaction = vector("tiendanube/customers-redact.json").request
    assert tiendanube.topic(redaction) == "customers/redact"
    assert tiendanube.read(redaction, SHOP) == [
        ErasureRequest(Customer("60000001", "elena.gil@example.com", "+5491100000001"), ("1300000017",))
    ]
    assert isinstance(tiendanube.read(delivery({"store_id": 1}), SHOP)[0], Ending)
    asked: dict[str, Any] = {"store_id": 1, "customer": {"id": 2}, "orders_requested": [], "data_request": {"id": 3}}
    assert isinstance(tiendanube.read(delivery(asked), SHOP)[0], Ignored)
    with pytest.raises(UnreadableDelivery):
        tiendanube.read(delivery({"store_id": 1, "orders_to_redact": []}), SHOP)


def test_a_payment_confirms_the_order_that_it_names() -> None:
    """Its amount is a JSON float, and stays as it was written."""
    assert payment() == [
        Fact(
            action="order.confirmed",
            reference="pedido-77",
            aliases=("99000000001",),
            amount="41500.5",
            currency="ARS",
            occurred_at=datetime(2026, 11, 20, 17, 12, 20, tzinfo=UTC),
            customer=Customer("44000001", "elena.gil@example.com"),
            sessions=(SESSION,),
        )
    ]
    assert payment(external_reference=None)[0].reference == "99000000001"
    assert payment(live_mode=False)[0].is_test


@pytest.mark.parametrize("status", ["pending", "in_process", "rejected", "cancelled"])
def test_a_payment_that_is_none_is_nothing(status: str) -> None:
    """It may be tried again."""
    (found,) = mercadopago.read_fetched("payment", json.dumps(PAYMENT | {"status": status}).encode(), SHOP)
    assert isinstance(found, Ignored)


def test_refunds_of_a_payment_are_each_their_own() -> None:
    """Those that were approved."""
    refunds = [
        {"id": 1, "amount": 10.25},
        {"id": 2, "amount": 1, "status": "approved"},
        {"id": 3, "status": "rejected"},
    ]
    assert [(fact.refund, fact.amount) for fact in payment(status="refunded", refunds=refunds)[1:]] == [
        ("1", "10.25"),
        ("2", "1"),
    ]


def test_other_notifications_of_mercado_pago_are_nothing() -> None:
    """Of merchant orders, plans and so on."""
    assert isinstance(mercadopago.read(delivery({"type": "plan", "data": {"id": "1"}}), SHOP)[0], Ignored)
    with pytest.raises(UnreadableDelivery):
        mercadopago.read_fetched("plan", b"{}", SHOP)
