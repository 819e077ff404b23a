"""Resolving hits: where they lead, and what they leave behind."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from clicktrail.shortener.v1 import link_pb2, session_service_pb2
from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common import clock
from common.errors import Reason
from common.ids import new_nonce, session_from_nonce, uuid7
from shortener_service.agents.rules import RULES_VERSION
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import (
    BUSINESS,
    DESTINATION,
    GOOGLEBOT,
    IPHONE,
    SECONDS,
    Caller,
    fields_of,
    hit,
    looking,
    refusal,
)
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

REDIRECT, NOT_FOUND, UNAVAILABLE = (
    pb.OUTCOME_KIND_REDIRECT,
    pb.OUTCOME_KIND_NOT_FOUND,
    pb.OUTCOME_KIND_UNAVAILABLE,
)


async def clicks_of(tracking: Tracking, count: int) -> list[click_pb2.Click]:
    """Return the clicks delivered, once there are so many."""
    return await eventually(looking(lambda: tracking.clicks), lambda seen: len(seen) >= count)


@on_a_cluster_too
async def test_two_clicks_two_sessions(shortener: Caller, tracking: Tracking) -> None:
    """Two clicks of one person on one link are two sessions and two clicks."""
    link = await shortener.create(profile="p1")
    first, second = await shortener.click(link.code), await shortener.click(link.code)
    assert first.session != second.session
    for outcome in (first, second):
        assert outcome.kind == REDIRECT
        parts = urlsplit(outcome.location)
        assert (parts.netloc, parts.fragment) == ("shop.example.com", "size")
        assert parse_qs(parts.query) == {
            "ref": ["a"],
            "hellotext_session": [outcome.session],
            "hello_session": [outcome.session],
        }
    assert {click.session for click in await clicks_of(tracking, 2)} == {first.session, second.session}


@on_a_cluster_too
async def test_a_click_says_everything(shortener: Caller, tracking: Tracking) -> None:
    """A click carries what was known of link and hit, so that it can be read without either."""
    link = await shortener.create(campaign="spring", message="m1", profile="p1")
    nonce, received_at = new_nonce(), clock.now()
    outcome = await shortener.click(
        link.code,
        query="src=qr&x=1",
        address="203.0.113.7",
        referrer="https://a.example/",
        accept_language="es",
        nonce=nonce,
        received_at=clock.to_timestamp(received_at),
    )
    (click,) = await clicks_of(tracking, 1)
    assert click == click_pb2.Click(
        business_id=BUSINESS,
        id=uuid7(received_at, nonce[40:50]).bytes,
        clicked_at=clock.to_timestamp(received_at),
        link=link.id,
        template=tracking.links[0].template,
        campaign="spring",
        message="m1",
        profile="p1",
        link_created_at=link.created_at,
        session=outcome.session,
        verdict=click_pb2.VERDICT_HUMAN,
        verdict_reason="no rule against it",
        rules_version=RULES_VERSION,
        host="localhost",
        query="src=qr&x=1",
        address="203.0.113.7",
        user_agent=IPHONE,
        referrer="https://a.example/",
        accept_language="es",
        source="qr",
    )
    assert outcome.session == session_from_nonce(nonce)


async def test_a_retry_is_the_same_click(shortener: Caller, tracking: Tracking) -> None:
    """A repeated hit gets the same session and location, and its click the same id."""
    link = await shortener.create()
    repeated = hit(link.code)
    first, second = await shortener.resolve(repeated), await shortener.resolve(repeated)
    assert first == second
    clicks = await clicks_of(tracking, 2)
    assert len({click.id for click in clicks}) == 1
    assert len({click.session for click in clicks}) == 1


async def test_both_names_of_a_method_answer(shortener: Caller) -> None:
    """Gateways of release 0.2.0 know the older one, and the hit is the same click by either."""
    link = await shortener.create()
    repeated = hit(link.code)
    older = await shortener.redirects.ResolveFlight(pb.ResolveFlightRequest(hits=[repeated]), timeout=SECONDS)
    newer = await shortener.redirects.ResolveHits(pb.ResolveHitsRequest(hits=[repeated]), timeout=SECONDS)
    assert older.outcomes == newer.outcomes
    assert older.outcomes[0].kind == REDIRECT


@pytest.mark.parametrize(
    ("name", "request_type"),
    [("ResolveBatches", pb.ResolveBatchesRequest), ("ResolveFlights", pb.ResolveFlightsRequest)],
)
async def test_batches_over_one_stream(
    shortener: Caller, tracking: Tracking, name: str, request_type: type[Any]
) -> None:
    """Each is answered before the next is read, as a batch alone is; one that is refused ends the stream."""
    link = await shortener.create()
    # The types of the stubs know streams of requests by iterators alone.
    stream: Any = getattr(shortener.redirects, name)(timeout=SECONDS)
    hits = [hit(link.code) for _ in range(3)]
    for batch in (hits[:1], hits):
        await stream.write(request_type(hits=batch))
        assert list((await stream.read()).outcomes) == await shortener.resolve(*batch)
    assert len({click.id for click in await clicks_of(tracking, 8)}) == 3
    await stream.write(request_type())
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stream.read()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@on_a_cluster_too
async def test_a_crawler_gets_no_session(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """A crawler is redirected without a session, and its hit kept with its verdict."""
    link = await shortener.create()
    outcome = await shortener.click(link.code, user_agent=GOOGLEBOT)
    assert (outcome.kind, outcome.session) == (REDIRECT, "")
    assert outcome.location == DESTINATION
    (click,) = await clicks_of(tracking, 1)
    assert (click.verdict, click.verdict_reason) == (click_pb2.VERDICT_BOT, "crawler list: Googlebot")
    assert not click.session
    assert not [key async for key in redis.scan_iter(match="*:s:*")]


@on_a_cluster_too
async def test_a_batch_of_all_kinds(shortener: Caller, tracking: Tracking) -> None:
    """In one batch each hit has its own outcome; unknown and odd codes never fail their neighbours."""
    link = await shortener.create()
    over = await shortener.create(code="over")
    await shortener.disable(over.id)
    odd = ["../etc", "a" * 65, "with\0nul", "", "ünïcödé", "x/y", "%2e%2e"]
    outcomes = await shortener.resolve(
        hit(link.code),
        hit("unknown"),
        hit(link.code, user_agent="WhatsApp/2.23.20.0 A"),
        hit(link.code, purpose="prefetch;prerender"),
        hit(link.code, is_head=True),
        hit("over"),
        *(hit(code) for code in odd),
        hit(link.code, user_agent=""),
    )
    kinds = [pb.OutcomeKind.Name(outcome.kind).removeprefix("OUTCOME_KIND_") for outcome in outcomes]
    assert kinds == (
        ["REDIRECT", "NOT_FOUND", "REDIRECT", "PREFETCH", "REDIRECT", "GONE"] + ["NOT_FOUND"] * len(odd) + ["REDIRECT"]
    )
    assert [bool(outcome.session) for outcome in outcomes].count(True) == 1
    assert not outcomes[3].location
    assert outcomes[4].location == "https://shop.example.com/p/1?ref=a#size"
    verdicts = sorted(click_pb2.Verdict.Name(click.verdict) for click in await clicks_of(tracking, 5))
    assert verdicts == ["VERDICT_BOT", "VERDICT_HEAD", "VERDICT_HUMAN", "VERDICT_PREFETCH", "VERDICT_PREVIEW"]


@on_a_cluster_too
async def test_a_batch_is_one_entry(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """The hits of a batch that share a shard are one entry of its outbox, with their sessions beside it."""
    link = await shortener.create()
    await eventually(looking(lambda: tracking.links), bool)
    await tracking.stop()
    nonces = [b"\x05" + new_nonce()[1:] for _ in range(20)]
    outcomes = await shortener.resolve(*(hit(link.code, nonce=nonce) for nonce in nonces))
    entries: Any = await redis.xrange("{5}:outbox")
    assert len(entries) == 1
    delivery = relay_service_pb2.DeliverRequest.FromString(entries[0][1][b"d"])
    assert [click.session for click in delivery.clicks] == [outcome.session for outcome in outcomes]
    for outcome in outcomes:
        assert 0 < await redis.ttl(f"{{5}}:s:{outcome.session}") <= 86_400


@on_a_cluster_too
async def test_a_batch_over_all_shards(shortener: Caller, tracking: Tracking) -> None:
    """Hits of any first byte may share a batch; each goes to its own shard."""
    link = await shortener.create()
    nonces = [bytes([first]) + new_nonce()[1:] for first in range(0, 256, 5)]
    outcomes = await shortener.resolve(*(hit(link.code, nonce=nonce) for nonce in nonces))
    assert [outcome.session for outcome in outcomes] == [session_from_nonce(nonce) for nonce in nonces]
    clicks = await clicks_of(tracking, len(nonces))
    assert {click.session for click in clicks} == {outcome.session for outcome in outcomes}


@on_a_cluster_too
async def test_a_full_outbox_takes_no_click(start: Start, shortener: Caller, tracking: Tracking) -> None:
    """Above its limit nothing is redirected that would lose its click; unknown codes are still told."""
    link = await shortener.create()
    await eventually(looking(lambda: tracking.links), bool)
    await tracking.stop()
    small = await start(outbox_limit=16)
    nonce = b"\0" + new_nonce()[1:]
    assert (await small.click(link.code, nonce=nonce)).kind == REDIRECT
    full, unknown = await small.resolve(hit(link.code, nonce=nonce), hit("unknown"))
    assert (full.kind, unknown.kind) == (UNAVAILABLE, NOT_FOUND)
    single = small.redirects.ResolveHit(pb.ResolveHitRequest(hit=hit(link.code, nonce=nonce)), timeout=SECONDS)
    error = await refusal(single)
    assert error.reason is Reason.OUTBOX_FULL
    assert error.retry_after_seconds


async def test_codes_are_case_sensitive(shortener: Caller) -> None:
    """A code in another case is another code."""
    await shortener.create(code="Summer")
    assert (await shortener.click("summer")).kind == NOT_FOUND


@pytest.mark.parametrize(
    ("broken", "field"), [({"nonce": b"short"}, "hits[0].nonce"), ({"received_at": None}, "hits[0].received_at")]
)
async def test_a_hit_needs_its_identity(shortener: Caller, broken: dict[str, object], field: str) -> None:
    """A hit without what makes it the same at every retry is refused, and so is a batch of none."""
    assert fields_of(await refusal(shortener.resolve(hit("abcdef", **broken)))) == {field}
    assert fields_of(await refusal(shortener.resolve())) == {"hits"}


async def test_a_look_is_no_click(shortener: Caller, tracking: Tracking) -> None:
    """Reading the link behind a code leaves no click."""
    link = await shortener.create()
    request = pb.LookUpCodeRequest(host="localhost", code=link.code)
    found = await shortener.redirects.LookUpCode(request, timeout=SECONDS)
    assert (found.link, found.is_live) == (link, True)
    unknown = pb.LookUpCodeRequest(host="localhost", code="unknown")
    assert (await refusal(shortener.redirects.LookUpCode(unknown, timeout=SECONDS))).reason is Reason.LINK_UNKNOWN
    await shortener.click(link.code)
    assert len(await clicks_of(tracking, 1)) == 1


async def test_a_look_shows_where_browsers_are_sent(shortener: Caller) -> None:
    """A host of lookalikes in the letters that give it away; the fallback where the link has expired; else nothing."""

    async def location(link: link_pb2.Link) -> str:
        request = pb.LookUpCodeRequest(host="localhost", code=link.code)
        return (await shortener.redirects.LookUpCode(request, timeout=SECONDS)).location

    link = await shortener.create(destination="https://www.аррӏе.com/ü", fallback_url="https://evil。com/")  # noqa: RUF001
    assert await location(link) == "https://www.xn--80ak6aa92e.com/%C3%BC"
    await shortener.disable(link.id)
    assert await location(link) == "https://evil.com/"
    gone = await shortener.create()
    await shortener.disable(gone.id)
    assert await location(gone) == ""


async def test_another_process_sees_a_change(start: Start, shortener: Caller) -> None:
    """A link disabled by one process is gone for another a few seconds later, although it remembers links."""
    link = await shortener.create()
    other = await start()
    assert (await other.click(link.code)).kind == REDIRECT
    await shortener.disable(link.id)

    async def kind() -> int:
        return (await other.click(link.code)).kind

    await eventually(kind, lambda seen: seen == pb.OUTCOME_KIND_GONE)


@pytest.mark.parametrize("seconds", [-1, 253_402_300_799, 2**62, -(2**62)])
async def test_a_time_beyond_the_calendar_is_refused(shortener: Caller, seconds: int) -> None:
    """A batch with a time that no database could keep is refused with its field, and leaves nothing behind."""
    link = await shortener.create()
    odd = hit(link.code, received_at=Timestamp(seconds=seconds, nanos=999_999_999))
    error = await refusal(shortener.resolve(odd))
    assert fields_of(error) == {"hits[0].received_at"}
    request = session_service_pb2.IssueSessionRequest(business_id=BUSINESS, received_at=Timestamp(seconds=seconds))
    assert fields_of(await refusal(shortener.sessions.IssueSession(request, timeout=SECONDS))) == {"received_at"}
