"""What our mappings make of a storefront's order, once its platform tells of it."""

import json
from typing import Any

from tests.support.platforms.deliveries import SHOP, delivery, facts, payload
from tracking_service.platforms import tiendanube, vtex
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.platform import Fact

# Of each platform the order that was recorded, which has all that a storefront's has not.
RECORDED = {
    "shopify": "shopify/orders-create.json",
    "woocommerce": "woocommerce/order-created.json",
    "tiendanube": "tiendanube/get-order.json",
    "vtex": "vtex/get-order.json",
}


def told_of(platform: str, order: dict[str, Any]) -> Fact:
    """Return what is told first of an order."""
    body = json.dumps(json.loads(payload(RECORDED[platform])) | order).encode()
    if platform == "tiendanube":
        return facts(tiendanube.read_fetched("order", body, SHOP))[0]
    if platform == "vtex":
        return facts(vtex.read_fetched("order", body, SHOP))[0]
    request = delivery(body, x_shopify_topic="orders/create", x_wc_webhook_topic="order.created")
    return facts(PLATFORMS[platform].read(request, SHOP))[0]
