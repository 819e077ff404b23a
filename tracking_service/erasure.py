"""Forget people: what stands for them, and what is left of what told of them."""

import hashlib
from typing import NamedTuple, Protocol

from clicktrail.shortener.v1 import link_pb2
from tracking_service.attribution import PURCHASE, names_order

# Tells the attribution that a purchase is part of an order, as before, and nothing else.
_NAMES_AN_ORDER = '{"order": true}'


class Erasure(NamedTuple):
    """A person who was erased, by the surrogate that rows go on to carry."""

    business_id: str
    profile_key: int


class Detacher(Protocol):
    """What takes their recipient from links where they redirect."""

    async def detach(self, business_id: str, link_ids: list[str]) -> None:
        """Take the recipient from links. Raises UNAVAILABLE where that cannot be done now."""


def profile_hash(profile_id: str) -> bytes:
    """Return what is remembered of the id of an erased profile: its SHA-256."""
    return hashlib.sha256(profile_id.encode()).digest()


def anonymous_link(link: bytes) -> bytes:
    """Return a link, a `clicktrail.shortener.v1.Link` in bytes, without its recipient and the caller's id for it."""
    message = link_pb2.Link.FromString(link)
    message.ClearField("profile")
    message.ClearField("external_id")
    return message.SerializeToString()


def bare_object(action: str, object_text: str | None) -> str | None:
    """Return what an erased person's activity keeps of its object, so that it earns what it did before."""
    return _NAMES_AN_ORDER if action == PURCHASE and names_order(object_text) else None
