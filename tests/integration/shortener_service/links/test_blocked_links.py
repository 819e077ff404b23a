"""Links that the operator has blocked."""

from redis.asyncio import Redis

from clicktrail.shortener.v1 import link_pb2, link_service_pb2, redirect_service_pb2
from clicktrail.tracking.v1 import click_pb2
from common.errors import Reason
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import (
    BUSINESS,
    DESTINATION,
    GOOGLEBOT,
    SECONDS,
    Caller,
    clicking,
    fields_of,
    hit,
    looking,
    refusal,
)
from tests.support.shortener_service.restoring import archive_all, restore
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

HOST = "go.example.com"
REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
GONE = redirect_service_pb2.OUTCOME_KIND_GONE


async def block(shortener: Caller, code: str, reason: str | None = None, host: str = "") -> link_pb2.Link:
    """Block a link."""
    request = link_service_pb2.BlockLinkRequest(host=host, code=code, reason=reason)
    return (await shortener.links.BlockLink(request, timeout=SECONDS)).link


async def unblock(shortener: Caller, code: str) -> link_pb2.Link:
    """Lift a block."""
    request = link_service_pb2.UnblockLinkRequest(code=code)
    return (await shortener.links.UnblockLink(request, timeout=SECONDS)).link


async def read(shortener: Caller, link_id: str) -> link_pb2.Link:
    """Read a link as its business does."""
    request = link_service_pb2.GetLinkRequest(business_id=BUSINESS, id=link_id)
    return (await shortener.links.GetLink(request, timeout=SECONDS)).link


@on_a_cluster_too
async def test_a_blocked_link_leads_nowhere(shortener: Caller, start: Start, tracking: Tracking) -> None:
    """At once in the process that was told, soon in others, not even to its fallback; hits are kept, judged as ever."""
    other = await start()
    link = await shortener.create(code="summer", fallback_url=DESTINATION, profile="ana")
    for caller in (shortener, other):
        assert (await caller.click("summer")).kind == REDIRECT
    blocked = await block(shortener, "summer", "phishing")
    assert (blocked.blocked_reason, bool(blocked.blocked_at.seconds), blocked.disabled) == ("phishing", True, False)
    outcomes = await shortener.resolve(
        hit("summer", query="person"),
        hit("summer", query="bot", user_agent=GOOGLEBOT),
        hit("summer", purpose="prefetch"),
    )
    assert [(each.kind, each.is_blocked, each.location, each.session) for each in outcomes] == [
        (GONE, True, "", "")
    ] * 3
    await eventually(clicking(other, "summer"), lambda seen: seen.is_blocked)
    await eventually(
        looking(lambda: {click.query: click.verdict for click in tracking.clicks if click.query}),
        lambda seen: seen == {"person": click_pb2.VERDICT_HUMAN, "bot": click_pb2.VERDICT_BOT},
    )
    assert await unblock(shortener, "summer") == link
    for caller in (shortener, other):
        await eventually(clicking(caller, "summer"), lambda seen: seen.kind == REDIRECT)


async def test_its_business_sees_it_and_cannot_lift_it(shortener: Caller) -> None:
    """No change of the business's, also not to enable it or to lead elsewhere; what it has changed holds afterwards."""
    link = await shortener.create(code="summer", external_id="e-1", campaign="spring")
    blocked = await block(shortener, "summer", "phishing")
    assert await read(shortener, link.id) == blocked
    again = await shortener.create(code="summer", external_id="e-1", campaign="spring")
    assert (again.id, again.blocked_reason) == (link.id, "phishing")
    await shortener.disable(link.id)
    await shortener.update(link.id, destination="https://shop.example.com/other", disabled=False)
    assert (await shortener.click("summer")).is_blocked
    kept = await read(shortener, link.id)
    assert (kept.blocked_at, kept.blocked_reason, kept.disabled) == (blocked.blocked_at, "phishing", False)
    await shortener.disable(link.id)
    lifted = await unblock(shortener, "summer")
    assert (lifted.disabled, lifted.HasField("blocked_at"), lifted.HasField("blocked_reason")) == (True, False, False)
    assert (await shortener.click("summer")).kind == GONE


async def test_blocking_again(shortener: Caller, tracking: Tracking) -> None:
    """Repeated, it changes nothing; with another reason, the reason alone."""
    await shortener.create(code="summer")
    first = await block(shortener, "summer")
    assert not first.HasField("blocked_reason")
    assert await block(shortener, "summer") == first
    second = await block(shortener, "summer", "malware")
    assert (second.blocked_at, second.blocked_reason) == (first.blocked_at, "malware")
    await unblock(shortener, "summer")
    await unblock(shortener, "summer")
    copies = await eventually(looking(lambda: tracking.links), lambda seen: len(seen) >= 4)
    assert [copy.link.blocked_reason for copy in copies] == ["", "", "malware", ""]
    assert len({copy.revision for copy in copies}) == 4
    assert fields_of(await refusal(block(shortener, "summer", "x" * 201))) == {"reason"}


async def test_a_link_is_found_by_what_people_open(shortener: Caller) -> None:
    """By the host and the code of its short URL: on a custom domain its own, and no other one's."""
    await shortener.register(HOST)
    own = await shortener.create(domain=HOST, code="summer")
    default = await shortener.create(code="winter")
    assert (await block(shortener, "summer", host=HOST)).id == own.id
    assert (await block(shortener, "winter", host="localhost")).id == default.id
    for code, host in (("winter", HOST), ("summer", ""), ("a/b", "")):
        assert (await refusal(block(shortener, code, host=host))).reason is Reason.LINK_UNKNOWN


async def test_a_preview_names_no_destination(shortener: Caller) -> None:
    """What shows a link is told that it is blocked, and no address."""
    await shortener.create(code="summer", fallback_url=DESTINATION)
    await block(shortener, "summer")
    request = redirect_service_pb2.LookUpCodeRequest(host="localhost", code="summer")
    seen = await shortener.redirects.LookUpCode(request, timeout=SECONDS)
    assert (seen.is_blocked, seen.is_live, seen.location) == (True, False, "")


@on_a_cluster_too
async def test_a_block_outlives_the_store(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """With its time and its reason, and whether the business has the link disabled besides."""
    for code in ("summer", "winter"):
        await shortener.create(code=code, profile="ana")
        await block(shortener, code, "phishing")
    await shortener.disable("winter")
    request = link_service_pb2.DetachProfileRequest(business_id=BUSINESS, ids=["summer"])
    await shortener.links.DetachProfile(request, timeout=SECONDS)
    before = [await read(shortener, code) for code in ("summer", "winter")]
    await archive_all(tracking, 6)
    await redis.flushall()
    await restore(shortener)
    assert [await read(shortener, code) for code in ("summer", "winter")] == before
    assert [link.disabled for link in before] == [False, True]
    assert (await shortener.click("summer")).is_blocked
    lifted = await unblock(shortener, "summer")
    assert (lifted.HasField("blocked_at"), lifted.HasField("profile")) == (False, False)


async def test_a_forced_restore_brings_a_later_block(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """Where Redis went back to before the block, its copy has the later revision."""
    await shortener.create(code="summer")
    (bucket,) = [key async for key in redis.scan_iter(match="*:l:*")]
    ((field, before),) = (await redis.hgetall(bucket)).items()
    await block(shortener, "summer", "phishing")
    await archive_all(tracking, 2)
    await redis.hset(bucket, field, before)
    await restore(shortener, force=True)
    assert (await read(shortener, "summer")).blocked_reason == "phishing"
    await eventually(clicking(shortener, "summer"), lambda seen: seen.is_blocked)
