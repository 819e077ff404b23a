"""A delivery counts only with its platform's signature, over the bytes as they came."""

import base64
import hmac
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.platforms.deliveries import SHOP, Vector, delivery, payload, vector, vectors
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.generic_mapping import GenericMapping
from tracking_service.platforms.platform import HookRequest, Shop, hook_request

SIGNED = [each for each in vectors() if each.name != "woocommerce/ping"]
# Of the others not the body proves who sent it: it is a hint, and what it names is fetched.
BODY_SIGNED = [each for each in SIGNED if each.platform.name not in ("vtex", "mercadopago")]
STRIPE = vector("stripe/checkout-session-completed.json")
PAYMENT = vector("mercadopago/payment-updated-notification.json")
GENERIC_SHOP = SHOP._replace(
    mapping=GenericMapping.parse(
        json.dumps(
            {
                "signature": {
                    "header": "signature",
                    "part": "v1",
                    "signed": "{id}.{t}.{body}",
                    "time": {"part": "t"},
                    "id": {"header": "id"},
                },
                "action": {"path": "type", "values": {"paid": "order.confirmed"}},
                "reference": "id",
            }
        ).encode()
    )
)


def is_signed(each: Vector, request: HookRequest | None = None, secret: str | None = None) -> bool:
    """Tell whether a recorded delivery, or another in its place, is taken for signed."""
    return each.platform.is_signed(request or each.request, each.secret if secret is None else secret, SHOP)


def with_header(request: HookRequest, name: str, value: str) -> HookRequest:
    """Return a delivery with another header."""
    return request._replace(headers={**request.headers, name: value})


@pytest.mark.parametrize("each", SIGNED, ids=lambda each: each.name)
def test_every_recorded_delivery_is_signed(each: Vector) -> None:
    """As the platform itself computes it."""
    assert is_signed(each)


@pytest.mark.parametrize("each", SIGNED, ids=lambda each: each.name)
def test_headers_are_found_in_any_case(each: Vector) -> None:
    """HTTP/2 and proxies change it."""
    headers = [(name.upper(), value) for name, value in each.request.headers.items()]
    assert is_signed(
        each, hook_request(headers, each.request.query.items(), each.request.body, each.request.received_at)
    )


@pytest.mark.parametrize("each", SIGNED, ids=lambda each: each.name)
@pytest.mark.parametrize("secret", ["", "another", "\ud800"])
def test_another_secret_signs_nothing(each: Vector, secret: str) -> None:
    """Neither does none."""
    assert not is_signed(each, secret=secret)
    assert not is_signed(each, secret=each.secret + "x")


def test_an_empty_secret_signs_nothing() -> None:
    """Not even what is signed with it, as anybody could."""
    signature = base64.b64encode(hmac.digest(b"", b"{}", "sha256")).decode()
    request = delivery(b"{}", x_shopify_hmac_sha256=signature, x_wc_webhook_signature=signature, x_clicktrail_secret="")
    for name in ("shopify", "woocommerce", "vtex"):
        assert not PLATFORMS[name].is_signed(request, "", SHOP)


@pytest.mark.parametrize("each", BODY_SIGNED, ids=lambda each: each.name)
def test_a_body_that_was_written_anew_is_another_one(each: Vector) -> None:
    """Though its JSON says the same."""
    body = json.dumps(json.loads(each.request.body)).encode()
    assert not is_signed(each, each.request._replace(body=body))
    assert not is_signed(each, each.request._replace(body=each.request.body[:-1]))


@pytest.mark.parametrize("each", SIGNED, ids=lambda each: each.name)
def test_without_its_headers_nothing_is_signed(each: Vector) -> None:
    """An absent signature is a wrong one."""
    assert not is_signed(each, each.request._replace(headers={}))


@given(st.text(max_size=300), st.text(max_size=50), st.binary(max_size=300), st.sampled_from(sorted(PLATFORMS)))
def test_no_header_and_no_body_is_an_error(header: str, secret: str, body: bytes, name: str) -> None:
    """Whatever comes is signed or is not."""
    names = ("x-wc-webhook-signature", "x-shopify-hmac-sha256", "stripe-signature", "x-signature", "signature", "id",
             "x-linkedstore-hmac-sha256", "x-clicktrail-secret", "x-request-id")  # fmt: skip
    request = delivery(body)._replace(headers=dict.fromkeys(names, header), query={"data.id": header})
    for shop in (SHOP, GENERIC_SHOP):
        assert isinstance(PLATFORMS[name].is_signed(request, secret, shop), bool)
    assert isinstance(PLATFORMS[name].topic(request), str)
    assert PLATFORMS[name].is_ping(request) in (True, False)


@pytest.mark.parametrize(
    "header",
    ["é" * 40, "=" * 64, "v1", "t=,v1=", ",,,,", "t=1795186805,v1=" + "0" * 100_000, "\ud800", "\0", "t=" * 9999],
)
def test_a_signature_that_is_none_is_wrong(header: str) -> None:
    """Not an error."""
    for each in SIGNED:
        headers = {
            name: header for name in each.request.headers if "sign" in name or "hmac" in name or "secret" in name
        }
        assert not is_signed(each, each.request._replace(headers={**each.request.headers, **headers}))


def test_a_secret_is_what_wordpress_makes_of_it() -> None:
    """It keeps an ampersand as an entity and signs with the ampersand."""
    each = vector("woocommerce/order-created.json")
    assert "&" in each.secret
    assert is_signed(each, secret=each.secret.replace("&", "&amp;"))
    assert is_signed(each, secret=each.secret.replace("&", "&#038;"))


@pytest.mark.parametrize(("seconds", "expected"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_signature_of_stripe_is_believed_for_five_minutes(seconds: int, expected: bool) -> None:  # noqa: FBT001
    """By when the delivery came, so that a replay of ours is not judged anew."""
    signed_at = STRIPE.request.received_at - timedelta(seconds=1)
    assert is_signed(STRIPE, STRIPE.request._replace(received_at=signed_at + timedelta(seconds=seconds))) is expected


def test_one_of_several_signatures_of_stripe_is_enough() -> None:
    """While a secret is replaced it signs with both; an older scheme signs nothing."""
    stamp, right = STRIPE.request.headers["stripe-signature"].split(",")
    several = f"{stamp}, v1={'0' * 64}, {right},v0={'1' * 64}"
    assert is_signed(STRIPE, with_header(STRIPE.request, "stripe-signature", several))
    older = f"{stamp},{right.replace('v1', 'v0')}"
    assert not is_signed(STRIPE, with_header(STRIPE.request, "stripe-signature", older))


def test_another_time_than_the_signed_one_is_wrong() -> None:
    """Else an old delivery could be sent again."""
    header = STRIPE.request.headers["stripe-signature"].replace("1795186805", "1795186806")
    assert not is_signed(STRIPE, with_header(STRIPE.request, "stripe-signature", header))


def test_a_payment_is_signed_by_its_id_and_not_its_body() -> None:
    """The id in the address, the request's id and the time are signed; seconds and milliseconds both come."""
    assert is_signed(PAYMENT, PAYMENT.request._replace(body=b"{}"))
    assert not is_signed(PAYMENT, PAYMENT.request._replace(query={"data.id": "99000000002"}))
    assert not is_signed(PAYMENT, PAYMENT.request._replace(query={}))
    assert not is_signed(PAYMENT, with_header(PAYMENT.request, "x-request-id", "another"))
    in_milliseconds = Vector(
        "",
        PAYMENT.platform,
        PAYMENT.secret,
        _signed_payment("ts=1795194745123", "id:9a;request-id:r;ts:1795194745123;"),
    )
    assert is_signed(in_milliseconds)


def _signed_payment(stamp: str, signed: str) -> HookRequest:
    signature = hmac.new(PAYMENT.secret.encode(), signed.encode(), "sha256").hexdigest()
    headers = [("x-signature", f"{stamp}, v1={signature}"), ("x-request-id", "r")]
    return hook_request(headers, [("data.id", "9A")], b"{}", PAYMENT.request.received_at)


def test_trials_of_an_address_are_told_from_deliveries() -> None:
    """WooCommerce's form and VTEX's word; no order is one."""
    pings = [each.name for each in vectors() if each.platform.is_ping(each.request)]
    assert pings == ["woocommerce/ping", "vtex/hook-ping.json"]
    assert not PLATFORMS["woocommerce"].is_ping(delivery(b"webhook_id=3&status=processing"))
    assert not PLATFORMS["vtex"].is_ping(delivery(payload("vtex/hook-notification.json")))


def test_a_shop_without_a_mapping_signs_nothing() -> None:
    """A generic connection is nothing without it."""
    assert not PLATFORMS["generic"].is_signed(delivery(b"{}"), "secret", Shop("x", ()))
