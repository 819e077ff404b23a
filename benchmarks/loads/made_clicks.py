"""Makes links and clicks as the relay delivers them."""

from datetime import datetime
from typing import Any

from clicktrail.shortener.v1 import link_pb2
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common.clock import to_timestamp
from common.ids import new_nonce, session_from_nonce, uuid7

AGENTS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {browser}"
    for system, browser in (
        ("Linux; Android 15; Pixel 9", "Chrome/138.0.0.0 Mobile Safari/537.36"),
        ("Linux; Android 14; SM-S921B", "SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36"),
        ("iPhone; CPU iPhone OS 18_5 like Mac OS X", "Version/18.5 Mobile/15E148 Safari/604.1"),
        ("iPad; CPU OS 17_6 like Mac OS X", "Version/17.6 Mobile/15E148 Safari/604.1"),
        ("Windows NT 10.0; Win64; x64", "Chrome/138.0.0.0 Safari/537.36"),
    )
)


def profile_of(campaign: str, recipient: int) -> str:
    """Return the profile of a recipient, who has the same number as the link."""
    return f"{campaign}-customer-{recipient}"


def link_of(
    business_id: str, campaign: str, recipient: int, created_at: datetime, **fields: Any
) -> relay_service_pb2.LinkCopy:
    """Return the copy of a recipient's link; fields stand in place of what it has by itself."""
    told: dict[str, Any] = {
        "business_id": business_id,
        "id": f"{campaign}-{recipient}",
        "destination": "https://shop.example/spring?utm_source=clicktrail",
        "campaign": campaign,
        "profile": profile_of(campaign, recipient),
        "external_id": profile_of(campaign, recipient),
        "created_at": to_timestamp(created_at),
    }
    return relay_service_pb2.LinkCopy(link=link_pb2.Link(**(told | fields)), template=campaign, revision=1)


def click_of(
    business_id: str, campaign: str, recipient: int, created_at: datetime, clicked_at: datetime, **fields: Any
) -> click_pb2.Click:
    """Return a new click of a person on a recipient's link; fields likewise."""
    nonce = new_nonce()
    told: dict[str, Any] = {
        "business_id": business_id,
        "id": uuid7(clicked_at, nonce[40:50]).bytes,
        "clicked_at": to_timestamp(clicked_at),
        "link": f"{campaign}-{recipient}",
        "template": campaign,
        "campaign": campaign,
        "profile": profile_of(campaign, recipient),
        "link_created_at": to_timestamp(created_at),
        "session": session_from_nonce(nonce),
        "verdict": click_pb2.VERDICT_HUMAN,
        "verdict_reason": "no rule against it",
        "rules_version": 1,
        "host": "localhost",
        "address": f"203.0.{recipient >> 8 & 255}.{recipient & 255}",
        "user_agent": AGENTS[0],
        "accept_language": "de-DE,de;q=0.9,en;q=0.8",
        "source": "link",
    }
    return click_pb2.Click(**(told | fields))
