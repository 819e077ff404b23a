"""Tiendanube, or Nuvemshop: notifications that name an order, signed with the secret of the app that the shop has."""

from collections.abc import Mapping, Sequence

from tracking_service.platforms.fields import (
    Fields,
    customer_id,
    details,
    first,
    items,
    numbers_shown,
    peek,
    read_object,
    tokens,
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
    ToFetch,
    Told,
    never_ping,
)
from tracking_service.platforms.sessions import candidates, names_of
from tracking_service.platforms.signatures import bytes_of, is_hmac

_ENDINGS: Mapping[str, str] = {
    "app/uninstalled": "The app was uninstalled from the shop.",
    "app/suspended": "The app was suspended in the shop.",
}
# Requests about people's data have no event of their own: their addresses tell them apart, and their shape.
_REDACTION, _STORE_REDACTION, _DATA_REQUEST = "customers/redact", "store/redact", "customers/data_request"
# Besides being placed: which field proves a step by which values, and what tells when, where it is known.
_STEPS = (
    ("order.confirmed", "payment_status", {"paid", "partially_refunded", "refunded"}, ("paid_at", "updated_at")),
    ("order.shipped", "shipping_status", {"shipped", "fulfilled", "delivered"}, ("shipped_at", "updated_at")),
    ("order.delivered", "shipping_status", {"delivered"}, ("updated_at",)),
    ("order.cancelled", "status", {"cancelled"}, ("cancelled_at", "updated_at")),
)
_REFUNDED = "refunded"


def is_signed(request: HookRequest, secret: str, _: Shop) -> bool:
    """Tell whether the body's HMAC by the app's secret stands in the header."""
    given = [request.headers.get("x-linkedstore-hmac-sha256", "")]
    return is_hmac(given, bytes_of(secret), request.body, encoding="hex")


def topic(request: HookRequest) -> str:
    """Return the event, such as "order/paid"."""
    return _topic_of(peek(request.body))


def read(request: HookRequest, _: Shop) -> Sequence[Told]:
    """Return which order is to be fetched, or what is asked for."""
    body = read_object(request.body)
    told = _topic_of(body)
    if told.startswith("order/"):
        return [ToFetch("order", body.id_to_fetch("id"))]
    if told == _REDACTION:
        return [_redaction(body)]
    if told == _DATA_REQUEST:
        return [Ignored("What is kept of this person is yours to hand out: GET /v1/profiles shows it.")]
    if told == _STORE_REDACTION:
        return [Ending("The shop was left: Tiendanube asks that its customers' data be erased.")]
    if told in _ENDINGS:
        return [Ending(_ENDINGS[told])]
    return [Ignored(f"Nothing is recorded of the event “{told}”.")]


def read_fetched(_: str, body: bytes, shop: Shop) -> Sequence[Told]:
    """Return what an order tells."""
    order = read_object(body)
    placed = _placed(order, shop)
    steps = [
        placed._replace(action=action, occurred_at=order.time(*times))
        for action, field, values, times in _STEPS
        if order.text(field) in values
    ]
    return [placed, *steps, *_refund(order, placed)]


def _topic_of(body: Fields) -> str:
    if "event" in body or "store_id" not in body:
        return body.prose("event")
    if "orders_to_redact" in body:
        return _REDACTION
    return _DATA_REQUEST if "data_request" in body else _STORE_REDACTION


def _placed(order: Fields, shop: Shop) -> Fact:
    person, extra = order.inner("customer"), order.inner("extra")
    amount = order.amount("total")
    reference, number = order.needed("id"), order.text("number")
    return Fact(
        action="order.placed",
        reference=reference,
        aliases=numbers_shown(reference, number),
        amount=amount,
        currency=order.currency("currency") if amount is not None else None,
        occurred_at=order.time("created_at"),
        customer=Customer(
            id=customer_id(person.text("id")),
            email=first(order.text("contact_email"), person.text("email")),
            phone=first(order.text("contact_phone"), person.text("phone")),
            name=first(order.text("contact_name"), person.text("name")),
        ),
        sessions=candidates(
            shop,
            explicit=[extra.text(name) for name in names_of(shop)],
            addresses=[order.text("landing_url", most=8192)],
        ),
        tokens=tokens(order.text("token")),
        details=details(number, items(order.each("products"))),
    )


def _refund(order: Fields, placed: Fact) -> list[Fact]:
    """Return the refund of a whole order: there is no other sign of it than its status, and of a part no amount."""
    if order.text("payment_status") != _REFUNDED:
        return []
    refund = f"{placed.reference}:{_REFUNDED}"
    return [placed._replace(action="refund.received", refund=refund, occurred_at=order.time("updated_at"))]


def _redaction(body: Fields) -> ErasureRequest:
    customer = body.inner("customer")
    found = Customer(customer_id(customer.text("id")), customer.text("email"), customer.text("phone"))
    if found == Customer():
        raise body.unreadable("customer", "names nobody")
    return ErasureRequest(found, body.texts("orders_to_redact"))


TIENDANUBE = Platform(
    name="tiendanube",
    is_thin=True,
    makes_secret=False,
    is_signed=is_signed,
    is_ping=never_ping,
    topic=topic,
    read=read,
    read_fetched=read_fetched,
)
