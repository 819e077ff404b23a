"""WooCommerce: webhooks that carry the order as its REST API (version 3) shows it.

It sends no webhook for a payment or a refund: each delivery tells all that the order's state proves, and what was told
before is a duplicate. Payloads are built when they are delivered, so that the first one may show a later state.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

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
    ErasureRequest,
    Fact,
    HookRequest,
    Ignored,
    Platform,
    Shop,
    Told,
)
from tracking_service.platforms.sessions import candidates, names_of
from tracking_service.platforms.signatures import bytes_of, is_hmac

# What WordPress writes for characters of a secret; it signs with the characters.
_ENTITIES = {
    "&amp;": "&", "&#038;": "&", "&#x26;": "&", "&lt;": "<", "&#060;": "<", "&gt;": ">", "&#062;": ">",
    "&quot;": '"', "&#034;": '"', "&#x22;": '"', "&#039;": "'", "&#x27;": "'",
}  # fmt: skip
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)))
_PING = re.compile(rb"webhook_id=\d{1,20}")
_ORDERS = frozenset({"order.created", "order.updated", "order.restored"})
# Carts whose checkout was opened, orders that are being written, and those in the trash.
_NO_ORDERS = frozenset({"checkout-draft", "auto-draft", "draft", "new", "trash"})
# Its payment may be tried again, and a cancelled order earns nothing: a price counts once the shop accepts the order.
_WITHOUT_PRICE = frozenset({"pending", "failed", "cancelled"})
# Besides being placed: which statuses prove a step, and what tells when, where it is known.
_STEPS = (
    ("order.confirmed", {"processing", "completed"}, ("date_paid_gmt", "date_modified_gmt")),
    ("order.delivered", {"completed"}, ("date_completed_gmt", "date_modified_gmt")),
    ("order.cancelled", {"cancelled"}, ("date_modified_gmt",)),
)
_ENTRY = "_wc_order_attribution_session_entry"
# Hellotext's own plugin keeps it encrypted.
_ENCRYPTED = "hellotext_session"


def is_signed(request: HookRequest, secret: str, _: Shop) -> bool:
    """Tell whether the body's HMAC by the secret stands in the header."""
    key = bytes_of(_ENTITY.sub(lambda found: _ENTITIES[found[0]], secret))
    return is_hmac([request.headers.get("x-wc-webhook-signature", "")], key, request.body, encoding="base64")


def is_ping(request: HookRequest) -> bool:
    """Tell the form that is sent when a webhook is saved."""
    return _PING.fullmatch(request.body) is not None


def topic(request: HookRequest) -> str:
    """Return what the header says, such as "order.updated"."""
    return word(request.headers.get("x-wc-webhook-topic", ""))


def read(request: HookRequest, shop: Shop) -> Sequence[Told]:
    """Return what a delivery tells."""
    told = topic(request)
    if told == "customer.deleted":
        return [ErasureRequest(Customer(id=read_object(request.body).needed("id")))]
    if told == "order.deleted":
        return [Ignored("An order in the trash stays recorded; cancelling or refunding it takes its amount back.")]
    if told not in _ORDERS:
        return [Ignored(f"Nothing is recorded of the topic “{told}”: choose Order created and Order updated.")]
    return _read_order(read_object(request.body), shop)


def _read_order(order: Fields, shop: Shop) -> Sequence[Told]:
    status = order.needed("status").removeprefix("wc-")
    if status in _NO_ORDERS:
        return [Ignored(f"It is no order yet, or no longer: its status is “{status}”.")]
    placed = _placed(order, shop, status)
    is_paid = "date_paid_gmt" in order
    steps = [
        placed._replace(action=action, occurred_at=order.time(*times))
        for action, statuses, times in _STEPS
        if status in statuses or (action == "order.confirmed" and is_paid)
    ]
    return [placed, *steps, *_refunds(order, placed)]


def _placed(order: Fields, shop: Shop, status: str) -> Fact:
    billing = order.inner("billing")
    meta = order.named("meta_data", "key", "value")
    amount = None if status in _WITHOUT_PRICE else order.amount("total")
    reference, number = order.needed("id"), order.text("number")
    return Fact(
        action="order.placed",
        reference=reference,
        aliases=numbers_shown(reference, number),
        amount=amount,
        currency=order.currency("currency") if amount is not None else None,
        occurred_at=order.time("date_created_gmt"),
        customer=Customer(
            id=customer_id(order.text("customer_id")),
            email=billing.text("email"),
            phone=first(billing.text("phone"), order.inner("shipping").text("phone")),
            name=full_name(billing.text("first_name"), billing.text("last_name")),
        ),
        sessions=candidates(
            shop,
            explicit=_explicit(meta, shop),
            addresses=[meta.get(_ENTRY, "")],
        ),
        # Not its `cart_hash`: equal carts have one.
        tokens=tokens(order.text("order_key")),
        details=details(number, items(order.each("line_items"))),
    )


def _explicit(meta: Mapping[str, str], shop: Shop) -> list[str]:
    """Return what plugins keep of the session; an underscore hides a field from the shop's own pages."""
    keys = [key for name in names_of(shop) if name != _ENCRYPTED for key in (name, f"_{name}")]
    return [meta[key] for key in keys if key in meta]


def _refunds(order: Fields, placed: Fact) -> Iterator[Fact]:
    for refund in order.each("refunds"):
        amount = refund.amount_taken("total")
        yield placed._replace(
            action="refund.received",
            refund=refund.needed("id"),
            amount=amount,
            currency=order.currency("currency") if amount is not None else None,
            # When is not told of each; a refund that was told before stays as it was recorded.
            occurred_at=order.time("date_modified_gmt"),
        )


WOOCOMMERCE = Platform(
    name="woocommerce",
    is_thin=False,
    makes_secret=True,
    is_signed=is_signed,
    is_ping=is_ping,
    topic=topic,
    read=read,
)
