"""Deliveries of platforms: the recorded ones with their signatures, and changed ones."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.platform import Fact, HookRequest, Platform, Shop, Told, hook_request

FOLDER = Path(__file__).parents[2] / "contract" / "platforms"
SESSION = "k3VtQ9xLw2ZbN8rYd5HsJc7TfGpA4mXe"
OTHER_SESSION = "aaaaQ9xLw2ZbN8rYd5HsJc7TfGpA4mXe"
RECEIVED_AT = datetime(2026, 11, 20, 17, 5, tzinfo=UTC)
SHOP = Shop("shop", ("hellotext_session",))


@dataclass(frozen=True, slots=True)
class Vector:
    """A delivery that was recorded, with what it was signed with."""

    name: str
    platform: Platform
    secret: str
    request: HookRequest


def payload(name: str) -> bytes:
    """Return the bytes of a recorded payload, such as "shopify/orders-create.json"."""
    return (FOLDER / name).read_bytes()


def vectors() -> list[Vector]:
    """Return all deliveries that were recorded."""
    return [_vector(told) for told in json.loads((FOLDER / "vectors.json").read_text("utf-8"))["vectors"]]


def vector(name: str) -> Vector:
    """Return the recorded delivery of a payload."""
    return next(each for each in vectors() if each.name == name)


def changed(body: bytes, change: Callable[[Any], object]) -> bytes:
    """Return a payload after a change of its JSON, which it is written anew for."""
    value = json.loads(body)
    change(value)
    return json.dumps(value).encode()


def delivery(body: bytes | Mapping[str, Any], **headers: str) -> HookRequest:
    """Return a delivery with these headers, their names with underscores for dashes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return hook_request(pairs, [], data, RECEIVED_AT)


def facts(told: Sequence[Told]) -> list[Fact]:
    """Return what was told, all of which is facts."""
    found = [each for each in told if isinstance(each, Fact)]
    assert len(found) == len(told), told
    return found


def only_fact(told: Sequence[Told]) -> Fact:
    """Return the one fact that was told."""
    (found,) = facts(told)
    return found


def _vector(told: Mapping[str, Any]) -> Vector:
    name = told.get("file", "woocommerce/ping")
    body = payload(name) if "file" in told else told["body"].encode()
    at = datetime.fromtimestamp(told["now"], UTC) if "now" in told else RECEIVED_AT
    secret = told.get("secret") or told["headers"]["X-Clicktrail-Secret"]
    request = hook_request(told["headers"].items(), parse_qsl(told.get("query", "")), body, at)
    return Vector(name, PLATFORMS[name.partition("/")[0]], secret, request)
