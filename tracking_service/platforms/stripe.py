"""Stripe: events that carry a checkout session or a refund. An order is what one payment intent pays."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tracking_service.platforms.fields import Fields, customer_id, first, peek, read_object, tokens
from tracking_service.platforms.platform import (
    Customer,
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
from tracking_service.platforms.signatures import bytes_of, is_fresh, is_hmac, part_of, parts_of
from tracking_service.platforms.times import unix_time

_TOLERANCE = timedelta(seconds=300)
# The decimals that Stripe's minor units have, where they are not two. It is Stripe's own rule, not that of ISO 4217:
# MGA has none here; ISK and UGX, which have none by ISO, are sent with two, which are always zero.
_NO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = dict.fromkeys(_NO_DECIMALS.split(), 0) | dict.fromkeys(_THREE_DECIMALS.split(), 3)
_PLACED, _CONFIRMED, _CANCELLED = "order.placed", "order.confirmed", "order.cancelled"
# What a checkout session becomes, by the event's type, and "completed" by whether it is paid.
_STEPS: Mapping[str, tuple[str, ...]] = {
    "checkout.session.async_payment_succeeded": (_CONFIRMED,),
    "checkout.session.async_payment_failed": (_CANCELLED,),
}
_COMPLETED = "checkout.session.completed"
_BY_PAYMENT: Mapping[str, tuple[str, ...]] = {
    "paid": (_PLACED, _CONFIRMED),
    "no_payment_required": (_PLACED, _CONFIRMED),
    "unpaid": (_PLACED,),
}
_REFUNDS = frozenset({"refund.created", "refund.updated"})
_NOTHING: Mapping[str, str] = {
    "charge.refunded": "Refunds are told by refund.created and refund.updated.",
    "charge.refund.updated": "Refunds are told by refund.created and refund.updated.",
    "refund.failed": "A refund counts once it has succeeded; one that fails afterwards is not taken back.",
    "checkout.session.expired": "Nothing was ordered.",
}


def is_signed(request: HookRequest, secret: str, _: Shop) -> bool:
    """Tell whether one of the header's signatures is right, and not older than five minutes."""
    header = request.headers.get("stripe-signature", "")
    stamp = part_of(header, "t")
    if not is_fresh(stamp, request.received_at, _TOLERANCE):
        return False
    given = [value for name, value in parts_of(header) if name == "v1"]
    return is_hmac(given, bytes_of(secret), bytes_of(f"{stamp}.") + request.body, encoding="hex")


def topic(request: HookRequest) -> str:
    """Return the event's type, such as "refund.created"."""
    return peek(request.body).prose("type")


def read(request: HookRequest, shop: Shop) -> Sequence[Told]:
    """Return what an event tells."""
    event = read_object(request.body)
    type_, thing = event.needed("type"), event.inner("data").inner("object")
    if type_ == _COMPLETED or type_ in _STEPS:
        return _read_checkout(event, thing, shop)
    if type_ in _REFUNDS:
        return [_refund(event, thing)]
    if type_ == "customer.deleted":
        customer = Customer(thing.needed("id"), thing.text("email"), thing.text("phone"), thing.text("name"))
        return [ErasureRequest(customer)]
    return [Ignored(_NOTHING.get(type_, f"Nothing is recorded of the event “{type_}”."))]


def _read_checkout(event: Fields, checkout: Fields, shop: Shop) -> Sequence[Told]:
    if checkout.text("mode") == "setup":
        return [Ignored("Nothing was ordered: a means of payment was kept for later.")]
    actions = _STEPS.get(event.text("type")) or _BY_PAYMENT.get(checkout.needed("payment_status"))
    if actions is None:
        raise checkout.unreadable("payment_status", "is not known")
    order = _order(event, checkout, shop)
    return [order._replace(action=action) for action in actions]


def _order(event: Fields, checkout: Fields, shop: Shop) -> Fact:
    session = checkout.needed("id")
    payment = first(_id_of(checkout, "payment_intent"), session)
    others = (session, _id_of(checkout, "invoice"))
    amount, currency = _money(checkout, "amount_total")
    person, metadata = checkout.inner("customer_details"), checkout.inner("metadata")
    return Fact(
        action=_PLACED,
        reference=payment,
        aliases=tuple(other for other in others if other not in ("", payment)),
        amount=amount,
        currency=currency,
        occurred_at=event.time("created", read=unix_time) or checkout.time("created", read=unix_time),
        customer=Customer(
            id=customer_id(_id_of(checkout, "customer")),
            email=first(person.text("email"), checkout.text("customer_email")),
            phone=person.text("phone"),
            name=person.text("name"),
        ),
        sessions=candidates(
            shop, explicit=[checkout.text("client_reference_id"), *(metadata.text(name) for name in names_of(shop))]
        ),
        tokens=tokens(session),
        is_test=event.is_false("livemode"),
    )


def _refund(event: Fields, refund: Fields) -> Told:
    status = refund.needed("status")
    if status != "succeeded":
        return Ignored(f"A refund counts once it has succeeded; its status is “{status}”.")
    amount, currency = _money(refund, "amount")
    return Fact(
        action="refund.received",
        reference=first(_id_of(refund, "payment_intent"), _id_of(refund, "charge")) or refund.needed("payment_intent"),
        amount=amount,
        currency=currency,
        occurred_at=refund.time("created", read=unix_time),
        refund=refund.needed("id"),
        is_test=event.is_false("livemode"),
    )


def _money(thing: Fields, name: str) -> tuple[str | None, str | None]:
    if name not in thing:
        return None, None
    currency = thing.currency("currency")
    amount = thing.amount(name, exponent=_EXPONENTS.get(currency, 2))
    return amount, currency if amount is not None else None


def _id_of(thing: Fields, name: str) -> str:
    """Return the id of another thing, which may have been asked for whole in its place."""
    return first(thing.text(name), thing.inner(name).text("id"))


STRIPE = Platform(
    name="stripe",
    is_thin=False,
    makes_secret=False,
    is_signed=is_signed,
    is_ping=never_ping,
    topic=topic,
    read=read,
)
