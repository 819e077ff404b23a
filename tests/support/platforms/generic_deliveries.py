"""Deliveries of platforms that the guide connects by mappings, which are read as they stand there."""

import base64
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.platforms.deliveries import RECEIVED_AT, SESSION, SHOP
from tests.support.platforms.signatures import headers_of
from tracking_service.platforms.generic_mapping import GenericMapping
from tracking_service.platforms.platform import HookRequest, Shop, hook_request

GUIDE = (Path(__file__).parents[3] / "docs" / "connections" / "generic.md").read_text("utf-8")
MAPPINGS = dict(re.findall(r"<!-- mapping: ([\w-]+) -->\n```json\n(.*?)```", GUIDE, re.DOTALL))
KEY = b"invented key of a shop"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ORDER: dict[str, Any] = {
    "id": "ord_1",
    "number": "77",
    "total_cents": 3990,
    "currency": "usd",
    "cart_id": "cart_0001",
    "attributes": [{"name": "gift", "value": "yes"}, {"name": "hello_session", "value": SESSION}],
    "customer": {"id": "c1", "email": "a@example.com", "phone": "+598", "name": "Ana"},
}
EVENT: dict[str, Any] = {"type": "order.paid", "timestamp": "2026-11-20T17:04:00Z", "data": {"order": ORDER}}


def shop(name: str) -> Shop:
    """Return a shop that is connected by a mapping of the guide."""
    return SHOP._replace(mapping=GenericMapping.parse(MAPPINGS[name].encode()))


def standard(event: dict[str, Any], at: datetime = RECEIVED_AT) -> HookRequest:
    """Return a delivery as Standard Webhooks has it."""
    body = json.dumps(event).encode()
    headers = headers_of("generic", body, SECRET, at=at.timestamp())
    return hook_request(headers.items(), [], body, RECEIVED_AT)
