"""Issuing sessions and reading fresh ones."""

import string
from typing import Any

from redis.asyncio import Redis

from clicktrail.shortener.v1 import session_pb2
from clicktrail.shortener.v1 import session_service_pb2 as pb
from common import clock
from common.ids import new_nonce, session_from_nonce
from tests.integration.shortener_service.conftest import on_a_cluster_too
from tests.support.shortener_service.callers import BUSINESS, SECONDS, Caller, fields_of, looking, refusal
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually


async def issue(shortener: Caller, **fields: Any) -> session_pb2.Session:
    """Issue a session of the shop."""
    request = pb.IssueSessionRequest(**{"business_id": BUSINESS} | fields)
    return (await shortener.sessions.IssueSession(request, timeout=SECONDS)).session


async def read(shortener: Caller, *ids: str, business_id: str = BUSINESS) -> dict[str, session_pb2.Session]:
    """Read fresh sessions by id."""
    request = pb.GetFreshSessionsRequest(business_id=business_id, ids=ids)
    found = (await shortener.sessions.GetFreshSessions(request, timeout=SECONDS)).sessions
    return {session.id: session for session in found}


@on_a_cluster_too
async def test_an_issued_session(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """An issued session is 32 letters and digits, known at once and for a day, and delivered to tracking."""
    session = await issue(shortener)
    assert len(session.id) == 32
    assert set(session.id) <= set(string.ascii_letters + string.digits)
    assert not session.HasField("profile")
    assert await read(shortener, session.id) == {session.id: session}
    (key,) = [key async for key in redis.scan_iter(match=f"*:s:{session.id}")]
    assert 86_000 < await redis.ttl(key) <= 86_400
    delivered = await eventually(looking(lambda: [each for d in tracking.deliveries for each in d.sessions]), bool)
    assert delivered == [session]


async def test_a_retry_issues_the_same(shortener: Caller) -> None:
    """The same nonce and time give the same session."""
    nonce, at = new_nonce(), clock.to_timestamp(clock.now())
    first = await issue(shortener, nonce=nonce, received_at=at)
    assert first == await issue(shortener, nonce=nonce, received_at=at)
    assert first.id == session_from_nonce(nonce)
    assert first.created_at == at


@on_a_cluster_too
async def test_a_clicks_session_knows_its_link(shortener: Caller) -> None:
    """The session of a click belongs to the link's recipient from that moment."""
    link = await shortener.create(campaign="spring", message="m1", profile="p1")
    outcome = await shortener.click(link.code)
    session = (await read(shortener, outcome.session))[outcome.session]
    assert (session.business_id, session.profile, session.link) == (BUSINESS, "p1", link.id)
    assert (session.campaign, session.message) == ("spring", "m1")
    assert not session.HasField("journey")
    assert session.HasField("created_at")


@on_a_cluster_too
async def test_only_ones_own_fresh_sessions(shortener: Caller) -> None:
    """Unknown sessions, ones that a browser made up, and another business's are left out."""
    mine, others = await issue(shortener), await issue(shortener, business_id="other")
    ids = (mine.id, others.id, "x" * 32, "0b7c9f3e-2a41-4c55-9d0e-6f1a2b3c4d5e", "é" * 32, "")
    assert set(await read(shortener, *ids)) == {mine.id}
    assert set(await read(shortener, *ids, business_id="other")) == {others.id}


async def test_what_is_asked_is_checked(shortener: Caller) -> None:
    """A missing business, a nonce of another length, and none or too many ids are refused by name."""
    assert fields_of(await refusal(issue(shortener, business_id=""))) == {"business_id"}
    assert fields_of(await refusal(issue(shortener, nonce=b"short"))) == {"nonce"}
    assert fields_of(await refusal(read(shortener))) == {"ids"}
    assert fields_of(await refusal(read(shortener, *(["x"] * 1_001)))) == {"ids"}
