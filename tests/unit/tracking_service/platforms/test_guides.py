"""What the guides have merchants choose on a platform is what its mapping reads."""

import json
import re
from pathlib import Path

import pytest

from tests.support.platforms.deliveries import SHOP, delivery, payload
from tracking_service.platforms import shopify, stripe, woocommerce
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.platform import ErasureRequest, Fact, Ignored

GUIDES = Path(__file__).parents[4] / "docs" / "connections"
SHOPIFY_ROWS = re.findall(r"\| `(\w+/\w+)` \| (.+) \|", (GUIDES / "shopify.md").read_text("utf-8"))
STRIPE_EVENTS = re.findall(r"^ +((?:\w+\.)+\w+)$", (GUIDES / "stripe.md").read_text("utf-8"), re.MULTILINE)
WOOCOMMERCE = (GUIDES / "woocommerce.md").read_text("utf-8")


def test_every_full_platform_has_a_guide() -> None:
    """And the index names it."""
    index = (GUIDES / "README.md").read_text("utf-8")
    for platform in PLATFORMS.values():
        if not platform.is_thin:
            assert (GUIDES / f"{platform.name}.md").is_file()
            assert f"({platform.name}.md)" in index


@pytest.mark.parametrize(("topic", "becomes"), SHOPIFY_ROWS)
def test_a_topic_of_shopify_becomes_what_its_row_says(topic: str, becomes: str) -> None:
    """Of those to be chosen by hand."""
    body = payload("shopify/refunds-create.json" if topic == "refunds/create" else "shopify/orders-create.json")
    (told,) = shopify.read(delivery(body, x_shopify_topic=topic), SHOP)
    assert f"`{told.action}`" == becomes if isinstance(told, Fact) else isinstance(told, ErasureRequest)


def test_every_event_of_stripe_that_is_asked_for_is_read() -> None:
    """None of them is ignored."""
    assert len(STRIPE_EVENTS) == 6
    for type_ in STRIPE_EVENTS:
        name = "refund-created" if type_.startswith("refund") else "checkout-session-completed"
        event = json.loads(payload(f"stripe/{name}.json")) | {"type": type_}
        assert not any(isinstance(told, Ignored) for told in stripe.read(delivery(event), SHOP))


@pytest.mark.parametrize("topic", ["order.created", "order.updated", "customer.deleted"])
def test_every_topic_of_woocommerce_that_is_asked_for_is_read(topic: str) -> None:
    """By its name in the shop's settings."""
    assert f"**{topic.replace('.', ' ').capitalize()}**" in WOOCOMMERCE
    request = delivery(payload("woocommerce/order-created.json"), x_wc_webhook_topic=topic)
    assert not any(isinstance(told, Ignored) for told in woocommerce.read(request, SHOP))
