"""Forget people: what stands for them, and what is left of what told of them."""

from typing import NamedTuple

from clicktrail.shortener.v1 import link_pb2
from common.external_ids import detached_id, series_of
from tracking_service.attribution.credits import PURCHASE, names_order

# Tells the attribution that a purchase is part of an order, as before, and nothing else.
_NAMES_AN_ORDER = '{"order": true}'


class Erasure(NamedTuple):
    """A person who was erased, by the surrogate that rows go on to carry."""

    business_id: str
    profile_key: int


def anonymous_link(link: bytes) -> tuple[bytes, str]:
    """Return a link, a `clicktrail.shortener.v1.Link` in bytes, without its recipient and the caller's id for it.

    And what stands for that id, so that a link restored from here is still recognised by it; empty where it had none.
    """
    message = link_pb2.Link.FromString(link)
    series = series_of(message.business_id, message.campaign, message.journey, message.message)
    stand_in = detached_id(series, message.external_id) if message.external_id else ""
    message.ClearField("profile")
    message.ClearField("external_id")
    return message.SerializeToString(), stand_in


def bare_object(action: str, object_text: str | None) -> str | None:
    """Return what an erased person's activity keeps of its object, so that it earns what it did before."""
    return _NAMES_AN_ORDER if action == PURCHASE and names_order(object_text) else None
