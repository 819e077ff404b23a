"""VTEX: notifications that name an order and its state. It signs nothing: a header that we chose comes back."""

from collections.abc import Iterator, Sequence

from tracking_service.platforms.amounts import from_minor
from tracking_service.platforms.fields import (
    Fields,
    details,
    full_name,
    items,
    numbers_shown,
    peek,
    read_object,
    tokens,
)
from tracking_service.platforms.platform import Customer, Fact, HookRequest, Ignored, Platform, Shop, ToFetch, Told
from tracking_service.platforms.sessions import candidates, names_of
from tracking_service.platforms.signatures import is_secret

# Set where the hook is made, with the secret as its value.
SECRET_HEADER = "X-Clicktrail-Secret"  # noqa: S105  (the name of a header)
# Amounts are hundredths in every currency, also in those that have none.
_EXPONENT = 2
# It is asked for before the secret: nothing larger is read.
_LONGEST_PING = 200
_PAID = frozenset({
    "approve-payment", "payment-approved", "window-to-cancel", "ready-for-handling", "start-handling", "handling",
    "ready-for-invoicing", "invoice", "invoiced",
})  # fmt: skip
# Besides being placed: which statuses prove a step, and what tells when, where it is known.
_STEPS = (
    ("order.confirmed", _PAID, ("authorizedDate", "lastChange")),
    ("order.shipped", {"invoiced"}, ("invoicedDate", "lastChange")),
    ("order.cancelled", {"canceled"}, ("lastChange",)),
)
# Stands in the place of customers' own addresses.
_MASK = "@ct.vtex.com.br"


def is_signed(request: HookRequest, secret: str, _: Shop) -> bool:
    """Tell whether the header that we chose holds the secret."""
    return is_secret(request.headers.get(SECRET_HEADER.lower(), ""), secret)


def is_ping(request: HookRequest) -> bool:
    """Tell the trial that is sent when the hook is made."""
    return len(request.body) <= _LONGEST_PING and peek(request.body).text("hookConfig") == "ping"


def topic(request: HookRequest) -> str:
    """Return the order's state, such as "payment-approved"."""
    return peek(request.body).prose("State")


def read(request: HookRequest, _: Shop) -> Sequence[Told]:
    """Return which order is to be fetched."""
    return [ToFetch("order", read_object(request.body).id_to_fetch("OrderId"))]


def read_fetched(_: str, body: bytes, shop: Shop) -> Sequence[Told]:
    """Return what an order tells."""
    order = read_object(body)
    status = order.needed("status")
    if status == "incomplete":
        return [Ignored("It is no order yet: its checkout is not complete.")]
    placed = _placed(order, shop)
    steps = [
        placed._replace(action=action, occurred_at=order.time(*times))
        for action, statuses, times in _STEPS
        if status in statuses
    ]
    return [placed, *steps, *_refunds(order, placed)]


def _placed(order: Fields, shop: Shop) -> Fact:
    reference, person = order.needed("orderId"), order.inner("clientProfileData")
    amount, currency = _money(order, order, "value")
    custom = [each.inner("fields") for each in order.inner("customData").each("customApps")]
    email = person.text("email")
    return Fact(
        action="order.placed",
        reference=reference,
        aliases=(*_group(order, reference), *numbers_shown(reference, order.text("sequence"))),
        amount=amount,
        currency=currency,
        occurred_at=order.time("creationDate"),
        customer=Customer(
            id=person.text("userProfileId"),
            email="" if email.endswith(_MASK) else email,
            phone=person.text("phone"),
            name=full_name(person.text("firstName"), person.text("lastName")),
        ),
        sessions=candidates(shop, explicit=[fields.text(name) for name in names_of(shop) for fields in custom]),
        tokens=tokens(order.text("orderFormId")),
        details=details(order.text("sequence"), _items(order)),
    )


def _group(order: Fields, reference: str) -> list[str]:
    """Return the id of what was bought at once, which a page knows; of several sellers it is the first one's."""
    return [group for group in [order.text("orderGroup")] if group and reference == f"{group}-01"]


def _items(order: Fields) -> list[dict[str, object]]:
    shown = items(order.each("items"), price="sellingPrice")
    return [item | {"price": from_minor(str(item["price"]), _EXPONENT)} if "price" in item else item for item in shown]


def _refunds(order: Fields, placed: Fact) -> Iterator[Fact]:
    for package in order.inner("packageAttachment").each("packages"):
        refund = package.inner("restitutions").inner("Refund")
        if "value" in refund:
            amount, currency = _money(order, refund, "value")
            yield placed._replace(
                action="refund.received",
                refund=f"{placed.reference}:{package.needed('invoiceNumber')}",
                amount=amount,
                currency=currency,
                occurred_at=package.time("issuanceDate") or order.time("lastChange"),
            )


def _money(order: Fields, thing: Fields, name: str) -> tuple[str | None, str | None]:
    amount = thing.amount(name, exponent=_EXPONENT)
    if amount is None:
        return None, None
    return amount, order.inner("storePreferencesData").currency("currencyCode")


VTEX = Platform(
    name="vtex",
    is_thin=True,
    makes_secret=True,
    is_signed=is_signed,
    is_ping=is_ping,
    topic=topic,
    read=read,
    read_fetched=read_fetched,
)
