"""Shopify: webhooks that carry the order or the refund."""

from collections.abc import Callable, Mapping, Sequence

from tracking_service.platforms import amounts
from tracking_service.platforms.fields import (
    Fields,
    customer_id,
    details,
    first,
    full_name,
    items,
    numbers_shown,
    read_object,
    tokens,
    word,
)
from tracking_service.platforms.platform import (
    Customer,
    Ending,
    ErasureRequest,
    Fact,
    HookRequest,
    Ignored,
    Platform,
    Shop,
    Told,
    never_ping,
)
from tracking_service.platforms.sessions import candidates, names_of
from tracking_service.platforms.signatures import bytes_of, is_hmac

# What each topic of an order becomes, and which fields tell when.
_STEPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "orders/create": ("order.placed", ("processed_at", "created_at")),
    "orders/paid": ("order.confirmed", ("updated_at", "processed_at", "created_at")),
    "orders/fulfilled": ("order.shipped", ("updated_at",)),
    "orders/cancelled": ("order.cancelled", ("cancelled_at", "updated_at")),
}
_NOTHING: Mapping[str, str] = {
    "orders/updated": "What changes of an order is told by the topics of payments, refunds and so on.",
    "orders/edited": "An order that is edited stays as it was recorded; what is paid back is told by its refund.",
    "orders/partially_fulfilled": "An order counts as shipped once all of it is.",
    "orders/delete": "A deleted order stays as it was recorded; cancelling or refunding it takes its amount back.",
    "customers/data_request": "What is kept of this person is yours to hand out: GET /v1/profiles shows it.",
}


def is_signed(request: HookRequest, secret: str, _: Shop) -> bool:
    """Tell whether the body's HMAC by the secret stands in the header."""
    given = [request.headers.get("x-shopify-hmac-sha256", "")]
    return is_hmac(given, bytes_of(secret), request.body, encoding="base64")


def topic(request: HookRequest) -> str:
    """Return what the header says, such as "orders/create"."""
    return word(request.headers.get("x-shopify-topic", ""))


def read(request: HookRequest, shop: Shop) -> Sequence[Told]:
    """Return what a delivery tells."""
    told = topic(request)
    if told in _NOTHING:
        return [Ignored(_NOTHING[told])]
    if told in _STEPS:
        return [_order(read_object(request.body), shop, *_STEPS[told])]
    if told in _READ:
        return [_READ[told](read_object(request.body))]
    return [Ignored(f"Nothing is recorded of the topic “{told}”.")]


def _order(order: Fields, shop: Shop, action: str, times: tuple[str, ...]) -> Fact:
    attributes = order.named("note_attributes", "name", "value")
    amount = order.amount("total_price")
    reference, name, number = order.needed("id"), order.text("name"), order.text("order_number")
    # Pages know the order by its global id too.
    global_id = order.text("admin_graphql_api_id")
    return Fact(
        action=action,
        reference=reference,
        aliases=(*numbers_shown(reference, name, number), *filter(None, [global_id])),
        amount=amount,
        currency=order.currency("currency") if amount is not None else None,
        occurred_at=order.time(*times),
        customer=_customer(order),
        sessions=candidates(
            shop,
            explicit=[attributes[each] for each in names_of(shop) if each in attributes],
            addresses=[order.text("landing_site", most=8192)],
        ),
        # A cart's token may come with its key, "hWN0…?key=…"; pages tell it without.
        tokens=tokens(order.text("checkout_token"), order.text("cart_token").partition("?")[0]),
        is_test=order.is_true("test"),
        details=details(first(name, number), items(order.each("line_items"))),
    )


def _customer(order: Fields) -> Customer:
    customer, billing = order.inner("customer"), order.inner("billing_address")
    return Customer(
        id=customer_id(customer.text("id")),
        email=first(order.text("email"), order.text("contact_email"), customer.text("email")),
        phone=first(order.text("phone"), customer.text("phone"), billing.text("phone")),
        name=first(*(full_name(each.text("first_name"), each.text("last_name")) for each in (customer, billing))),
    )


def _refund(refund: Fields) -> Told:
    paid = [
        each
        for each in refund.each("transactions")
        if each.text("kind") == "refund" and each.text("status") == "success" and "amount" in each
    ]
    if not paid:
        return Ignored("No money has gone back with this refund.")
    currencies = {each.currency("currency") for each in paid}
    if len(currencies) > 1:
        raise refund.unreadable("transactions", "are of several currencies")
    return Fact(
        action="refund.received",
        reference=refund.needed("order_id"),
        amount=amounts.total(each.amount("amount") or "0" for each in paid),
        currency=currencies.pop(),
        occurred_at=refund.time("processed_at", "created_at"),
        refund=refund.needed("id"),
        is_test=all(each.is_true("test") for each in paid),
    )


def _redaction(body: Fields) -> ErasureRequest:
    customer = body.inner("customer")
    found = Customer(customer_id(customer.text("id")), customer.text("email"), customer.text("phone"))
    if found == Customer():
        raise body.unreadable("customer", "names nobody")
    return ErasureRequest(found, body.texts("orders_to_redact"))


def _deleted_customer(body: Fields) -> ErasureRequest:
    return ErasureRequest(Customer(id=body.needed("id")))


def _uninstalled(_: Fields) -> Ending:
    return Ending("The app was uninstalled from the shop.")


def _shop_redaction(_: Fields) -> Ending:
    return Ending("The shop was closed, or left: Shopify asks that its customers' data be erased.")


_READ: Mapping[str, Callable[[Fields], Told]] = {
    "refunds/create": _refund,
    "customers/redact": _redaction,
    "customers/delete": _deleted_customer,
    "app/uninstalled": _uninstalled,
    "shop/redact": _shop_redaction,
}

SHOPIFY = Platform(
    name="shopify",
    is_thin=False,
    makes_secret=False,
    is_signed=is_signed,
    is_ping=never_ping,
    topic=topic,
    read=read,
)
