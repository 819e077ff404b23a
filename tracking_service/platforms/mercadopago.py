"""Mercado Pago: notifications that name a payment. Not their body is signed but the id in their address."""

import re
from collections.abc import Iterator, Sequence

from common.ids import SESSION_LENGTH
from tracking_service.platforms.fields import Fields, customer_id, first, full_name, peek, read_object, word
from tracking_service.platforms.platform import (
    Customer,
    Fact,
    HookRequest,
    Ignored,
    Platform,
    Shop,
    ToFetch,
    Told,
    UnreadableDelivery,
    never_ping,
)
from tracking_service.platforms.sessions import candidates, names_of
from tracking_service.platforms.signatures import bytes_of, is_hmac, part_of, parts_of

# Unix seconds, or milliseconds.
_STAMP = re.compile(r"\d{10}|\d{13}", re.ASCII)
_PAYMENT = "payment"
_PAID = frozenset({"approved", "refunded", "charged_back"})


def is_signed(request: HookRequest, secret: str, _: Shop) -> bool:
    """Tell whether the header signs the id in the address, the request's id, and the time: as many as there are."""
    header = request.headers.get("x-signature", "")
    stamp = part_of(header, "ts")
    if not _STAMP.fullmatch(stamp):
        return False
    signed = (
        ("id", request.query.get("data.id", "").lower()),
        ("request-id", request.headers.get("x-request-id", "")),
        ("ts", stamp),
    )
    text = "".join(f"{name}:{value};" for name, value in signed if value)
    return is_hmac(
        [value for name, value in parts_of(header) if name == "v1"], bytes_of(secret), bytes_of(text), encoding="hex"
    )


def topic(request: HookRequest) -> str:
    """Return what kind of thing changed, such as "payment"."""
    asked = (request.query.get(name, "") for name in ("type", "topic"))
    return word(first(*asked, peek(request.body).text("type")))


def read(request: HookRequest, _: Shop) -> Sequence[Told]:
    """Return which payment is to be fetched: the one of the address, which is signed, where it names one."""
    told = topic(request)
    if told != _PAYMENT:
        return [Ignored(f"Nothing is recorded of “{told}”: payments alone are orders.")]
    if "data.id" in request.query:
        return [ToFetch(_PAYMENT, Fields({"data.id": request.query["data.id"]}).id_to_fetch("data.id"))]
    return [ToFetch(_PAYMENT, read_object(request.body).inner("data").id_to_fetch("id"))]


def read_fetched(kind: str, body: bytes, shop: Shop) -> Sequence[Told]:
    """Return what a payment tells."""
    if kind != _PAYMENT:
        raise UnreadableDelivery(f"A {kind} is not read.")
    payment = read_object(body)
    status = payment.needed("status")
    if status not in _PAID:
        return [Ignored(f"Nothing is paid yet, or at all: the payment's status is “{status}”.")]
    confirmed = _confirmed(payment, shop)
    return [confirmed, *_refunds(payment, confirmed)]


def _confirmed(payment: Fields, shop: Shop) -> Fact:
    id_, order = payment.needed("id"), payment.text("external_reference")
    person, metadata = payment.inner("payer"), payment.inner("metadata")
    phone = person.inner("phone")
    amount = payment.amount("transaction_amount")
    return Fact(
        action="order.confirmed",
        reference=first(order, id_),
        aliases=(id_,) if order not in ("", id_) else (),
        amount=amount,
        currency=payment.currency("currency_id") if amount is not None else None,
        occurred_at=payment.time("date_approved", "date_created"),
        customer=Customer(
            id=customer_id(person.text("id")),
            email=person.text("email"),
            phone=f"{phone.text('area_code')}{phone.text('number')}",
            name=full_name(person.text("first_name"), person.text("last_name")),
        ),
        sessions=candidates(
            shop,
            explicit=[*(metadata.text(name) for name in names_of(shop)), order if len(order) == SESSION_LENGTH else ""],
        ),
        is_test=payment.is_false("live_mode"),
    )


def _refunds(payment: Fields, confirmed: Fact) -> Iterator[Fact]:
    for refund in payment.each("refunds"):
        if refund.text("status") not in ("", "approved"):
            continue
        amount = refund.amount("amount")
        yield confirmed._replace(
            action="refund.received",
            refund=refund.needed("id"),
            amount=amount,
            currency=payment.currency("currency_id") if amount is not None else None,
            occurred_at=refund.time("date_created") or payment.time("date_last_updated"),
        )


MERCADOPAGO = Platform(
    name="mercadopago",
    is_thin=True,
    makes_secret=False,
    is_signed=is_signed,
    is_ping=never_ping,
    topic=topic,
    read=read,
    read_fetched=read_fetched,
)
