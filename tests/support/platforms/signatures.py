"""Signs as the platforms of shops do."""

import base64
import hmac
import time
from collections.abc import Callable, Mapping


def headers_of(platform: str, body: bytes, secret: str, topic: str = "", at: float | None = None) -> dict[str, str]:
    """Return the headers that a platform sends with a delivery; "generic": as Standard Webhooks have it.

    at is the Unix time that some sign, now where nothing is said.
    """
    return _HEADERS[platform](body, secret, topic, str(int(time.time() if at is None else at)))


def _base64(secret: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, text, "sha256")).decode()


def _woocommerce(body: bytes, secret: str, topic: str, _: str) -> dict[str, str]:
    return {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": _base64(secret.encode(), body)}


def _shopify(body: bytes, secret: str, topic: str, _: str) -> dict[str, str]:
    return {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": _base64(secret.encode(), body)}


def _stripe(body: bytes, secret: str, _: str, stamp: str) -> dict[str, str]:
    signature = hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    return {"Stripe-Signature": f"t={stamp},v1={signature}"}


def _standard(body: bytes, secret: str, _: str, stamp: str) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = _base64(key, f"msg_1.{stamp}.".encode() + body)
    # Others may stand beside it, of other versions and of the secret before.
    signatures = f"v1,AAAA v1a,xx v1,{signature}"
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": stamp, "Webhook-Signature": signatures}


_HEADERS: Mapping[str, Callable[[bytes, str, str, str], dict[str, str]]] = {
    "woocommerce": _woocommerce,
    "shopify": _shopify,
    "stripe": _stripe,
    "generic": _standard,
}
