"""Clicks, links and sessions as the shortener's relay delivers them."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from clicktrail.shortener.v1 import link_pb2, session_pb2
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common.clock import to_timestamp
from common.ids import session_from_nonce, uuid7

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def click(
    minutes: float = 0, *, seed: int = 1, verdict: click_pb2.Verdict.ValueType = click_pb2.VERDICT_HUMAN, **fields: Any
) -> click_pb2.Click:
    """Return a click some minutes after the start; with the same seed and time it is the same click."""
    clicked_at = START + timedelta(minutes=minutes)
    nonce = random.Random(f"{seed} {minutes}").randbytes(50)  # noqa: S311  (the same one each time)
    told: dict[str, Any] = {
        "business_id": "shop",
        "id": uuid7(clicked_at, nonce[40:50]).bytes,
        "clicked_at": to_timestamp(clicked_at),
        "link": "abc",
        "template": "t1",
        "campaign": "spring",
        "link_created_at": to_timestamp(START),
        "session": session_from_nonce(nonce) if verdict == click_pb2.VERDICT_HUMAN else "",
        "verdict": verdict,
        "verdict_reason": "looks so",
        "rules_version": 1,
        "host": "go.example.com",
        "user_agent": "Mozilla/5.0",
        "source": "link",
    }
    return click_pb2.Click(**(told | fields))


def link(link_id: str, *, revision: int = 1, **fields: Any) -> relay_service_pb2.LinkCopy:
    """Return the copy of a link of the campaign `spring`."""
    told: dict[str, Any] = {
        "id": link_id,
        "code": link_id,
        "business_id": "shop",
        "destination": "https://shop.example.com/",
        "campaign": "spring",
        "created_at": to_timestamp(START),
    }
    return relay_service_pb2.LinkCopy(link=link_pb2.Link(**(told | fields)), template="t1", revision=revision)


def issued(session: str) -> session_pb2.Session:
    """Return a session issued without a click."""
    return session_pb2.Session(id=session, business_id="shop", created_at=to_timestamp(START))


def delivery(*clicks: click_pb2.Click, **others: Any) -> relay_service_pb2.DeliverRequest:
    """Return a delivery of clicks, and perhaps links and sessions."""
    return relay_service_pb2.DeliverRequest(clicks=clicks, **others)
