"""What a platform sends of an order and of a refund of a part of it, signed as it signs."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from common.clock import now
from tests.support.platforms.connections import Connection, dated
from tests.support.platforms.deliveries import payload
from tests.support.platforms.generic_deliveries import EVENT, MAPPINGS, ORDER
from tests.support.system import System

PLATFORMS = ("woocommerce", "shopify", "stripe", "generic")
# That of no connection, in the form of all of them.
WRONG_SECRET = "whsec_" + base64.b64encode(b"of no connection").decode()
NUMBER = "1077"
GENERIC_REFUND = {"id": "ref_1", "amount_cents": 1234}


@dataclass(frozen=True)
class ToldOrder:
    """An order as its platform tells of it: topic and body of each delivery; amounts as the report shows them."""

    placed: tuple[str, bytes]
    refunded: tuple[str, bytes]
    amount: str
    left: str
    currency: str


async def connect(system: System, private: httpx.AsyncClient, name: str, **fields: Any) -> Connection:
    """Connect a shop on a platform, whose pages name it as they do where nothing else is said."""
    wanted = {"source": name, "secret": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(), **fields}
    if name == "generic":
        wanted["mapping"] = json.loads(MAPPINGS["standard-webhooks"])
    return await Connection.make(system, private, name, **wanted)


def told_of(name: str, order: dict[str, Any]) -> ToldOrder:
    """Return what is told of an order of this moment that has these fields, besides those of the recorded one."""
    return {"woocommerce": _woocommerce, "shopify": _shopify, "stripe": _stripe, "generic": _generic}[name](order)


def _woocommerce(order: dict[str, Any]) -> ToldOrder:
    created, refunded = (
        _dated_now(_recorded(name)) | {"number": str(order["id"])} | order
        for name in ("woocommerce/order-created", "woocommerce/order-updated-refunded")
    )
    (refund,) = refunded["refunds"]
    refunded["refunds"] = [refund | {"id": order["id"] + 1}]
    bodies = (_json(created), _json(refunded))
    return ToldOrder(("order.created", bodies[0]), ("order.updated", bodies[1]), "50.00", "30.00", "USD")


def _dated_now(order: dict[str, Any]) -> dict[str, Any]:
    return dated(order, *(name for name, value in order.items() if name.endswith("_gmt") and value))


def _shopify(order: dict[str, Any]) -> ToldOrder:
    at = dict.fromkeys(("created_at", "processed_at"), now().isoformat())
    placed = _recorded("shopify/orders-create") | at | {"updated_at": at["created_at"], **order}
    placed["admin_graphql_api_id"] = f"gid://shopify/Order/{placed['id']}"
    refund = _recorded("shopify/refunds-create") | at | {"id": placed["id"] + 1, "order_id": placed["id"]}
    return ToldOrder(("orders/create", _json(placed)), ("refunds/create", _json(refund)), "2770.00", "1480.00", "UYU")


def _stripe(order: dict[str, Any]) -> ToldOrder:
    at = int(now().timestamp())
    placed, refund = _recorded("stripe/checkout-session-completed"), _recorded("stripe/refund-created")
    placed |= {"created": at}
    placed["data"]["object"] |= {"created": at, **order}
    refund |= {"created": at}
    intent = placed["data"]["object"]["payment_intent"]
    refund["data"]["object"] |= {"created": at, "id": f"re_{intent}", "payment_intent": intent}
    return ToldOrder(("", _json(placed)), ("", _json(refund)), "39.90", "29.90", "USD")


def _generic(order: dict[str, Any]) -> ToldOrder:
    event = EVENT | {"timestamp": now().isoformat(), "data": {"order": ORDER | order}}
    refund = event | {"type": "order.refunded", "data": event["data"] | {"refund": GENERIC_REFUND}}
    return ToldOrder(("", _json(event)), ("", _json(refund)), "39.90", "27.56", "USD")


def _recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload(f"{name}.json"))
    return found


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


class Person(NamedTuple):
    """Who orders; without an id a guest."""

    email: str
    id: str = ""


def order_of(name: str, person: Person, session: str | None = None) -> dict[str, Any]:
    """Return the fields of an order of somebody, with a session where its platform keeps one, or none at all."""
    attributes = [] if session is None else [{"name": "hello_session", "value": session}]
    match name:
        case "woocommerce":
            entry = {
                "key": "_wc_order_attribution_session_entry",
                "value": f"https://shop.example/?hello_session={session}",
            }
            meta = [] if session is None else [entry]
            billing = {"email": person.email, "first_name": "Bruno", "last_name": ""}
            return {
                "id": 7001, "number": NUMBER, "order_key": "wc_order_invented7001", "meta_data": meta,
                "customer_id": int(person.id or 0), "billing": billing, "shipping": {},
            }  # fmt: skip
        case "shopify":
            customer = {"id": int(person.id), "email": person.email} if person.id else None
            return {
                "name": f"#{NUMBER}", "order_number": NUMBER, "note_attributes": attributes, "landing_site": None,
                "checkout_token": None, "cart_token": None, "customer": customer, "email": person.email,
                "contact_email": None, "phone": None, "billing_address": None,
            }  # fmt: skip
        case "stripe":
            details = {"email": person.email, "name": "Bruno", "phone": None}
            return {"client_reference_id": session, "customer": person.id or None, "customer_details": details}
        case "generic":
            return {
                "number": NUMBER, "cart_id": None, "attributes": attributes,
                "customer": {"id": person.id, "email": person.email},
            }  # fmt: skip
    raise ValueError(name)


def number_of(name: str) -> str:
    """Return the number that the customer of an order sees, and a page of the shop says."""
    return {"shopify": f"#{NUMBER}", "stripe": "cs_live_invented0000001"}.get(name, NUMBER)
