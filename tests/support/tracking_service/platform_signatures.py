"""The headers with which platforms sign what they send, as their documents say."""

import base64
import hashlib
import hmac
from datetime import datetime

from common.clock import now


def signed(platform: str, body: bytes, secret: str, topic: str = "", at: datetime | None = None) -> dict[str, str]:
    """Return the headers that a platform sends with a body; "generic" is one with Standard Webhooks.

    at is the signed time, where there is one: now where nothing is said.
    """
    stamp = str(int((at or now()).timestamp()))
    match platform:
        case "woocommerce":
            return {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": _base64(secret.encode(), body)}
        case "shopify":
            return {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": _base64(secret.encode(), body)}
        case "stripe":
            digest = hmac.digest(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
            return {"Stripe-Signature": f"t={stamp},v1={digest.hex()}"}
        case "generic":
            key = base64.b64decode(secret.removeprefix("whsec_"))
            signature = _base64(key, f"msg_1.{stamp}.".encode() + body)
            # Others may stand beside it, of other versions and of the secret before.
            signatures = f"v1,AAAA v1a,xx v1,{signature}"
            return {"Webhook-Id": "msg_1", "Webhook-Timestamp": stamp, "Webhook-Signature": signatures}
    raise ValueError(platform)


def _base64(key: bytes, signed_text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed_text, hashlib.sha256)).decode()
