"""Hosts that no link may lead to."""

import pytest
from redis.asyncio import Redis

from clicktrail.shortener.v1 import redirect_service_pb2
from clicktrail.shortener.v1 import refused_host_service_pb2 as pb
from common.errors import FaultType, Reason
from shortener_service.refused_hosts import refused_hosts
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import (
    DESTINATION,
    SECONDS,
    Caller,
    clicking,
    fields_of,
    looking,
    refusal,
)
from tests.support.shortener_service.restoring import archive_all, restore
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

HOST = "go.example.com"
REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
GONE = redirect_service_pb2.OUTCOME_KIND_GONE


async def refuse(shortener: Caller, name: str, reason: str | None = None) -> pb.RefusedHost:
    """Refuse a host."""
    request = pb.RefuseHostRequest(name=name, reason=reason)
    return (await shortener.refused_hosts.RefuseHost(request, timeout=SECONDS)).host


async def allow(shortener: Caller, name: str) -> None:
    """Take a host from the list."""
    await shortener.refused_hosts.AllowHost(pb.AllowHostRequest(name=name), timeout=SECONDS)


async def refused(shortener: Caller) -> dict[str, str]:
    """Return the refused hosts and why."""
    answer = await shortener.refused_hosts.ListRefusedHosts(pb.ListRefusedHostsRequest(), timeout=SECONDS)
    return {host.name: host.reason for host in answer.hosts}


@on_a_cluster_too
async def test_no_link_is_made_to_lead_to_a_refused_host(shortener: Caller) -> None:
    """Neither created nor changed, alone or in bulk, by destination or fallback, however the host is written."""
    link = await shortener.create()
    assert (await refuse(shortener, "EVIL.example.", "phishing")).name == "evil.example"
    for destination in ("https://evil.example/x", "http://a.b.EVIL.example:8080/", "https://\uff45vil\u3002example/"):
        error = await refusal(shortener.create(destination=destination))
        assert [(fault.type, fault.parameter) for fault in error.faults] == [(FaultType.INVALID, "destination")]
        assert "refused" in str(error)
    evil = "https://evil.example/"
    assert fields_of(await refusal(shortener.create_many([], destination=evil))) == {"template.destination"}
    assert fields_of(await refusal(shortener.create(fallback_url=evil))) == {"fallback_url"}
    assert fields_of(await refusal(shortener.update(link.id, destination=evil))) == {"destination"}
    assert fields_of(await refusal(shortener.update(link.id, fallback_url=evil))) == {"fallback_url"}
    assert fields_of(await refusal(shortener.register(HOST, fallback_url=evil))) == {"fallback_url"}
    await shortener.create(destination="https://notevil.example/")
    await allow(shortener, "evil.example")
    await shortener.create(destination=evil)


@on_a_cluster_too
async def test_links_that_lead_there_are_blocked(shortener: Caller, start: Start, tracking: Tracking) -> None:
    """In every process, though they are remembered; their hits are kept; once it is allowed again, they redirect."""
    other = await start()
    link = await shortener.create(destination="https://shop.evil.example/x", fallback_url=DESTINATION, code="summer")
    callers = (shortener, other)
    for caller in callers:
        assert (await caller.click("summer")).kind == REDIRECT
    await refuse(shortener, "evil.example")
    for caller in callers:
        outcome = await eventually(clicking(caller, "summer"), lambda seen: seen.is_blocked)
        assert (outcome.kind, outcome.location, outcome.session) == (GONE, "", "")
    seen = await shortener.redirects.LookUpCode(
        redirect_service_pb2.LookUpCodeRequest(host="localhost", code="summer"), timeout=SECONDS
    )
    assert (seen.is_blocked, seen.is_live, seen.location) == (True, False, "")
    blocked = await shortener.click("summer", query="blocked")
    assert blocked.is_blocked
    await eventually(looking(lambda: [click.query for click in tracking.clicks]), lambda seen: "blocked" in seen)
    await allow(shortener, "evil.example")
    for caller in callers:
        await eventually(clicking(caller, "summer"), lambda seen: seen.kind == REDIRECT)
    assert link.destination == "https://shop.evil.example/x"


async def test_no_fallback_leads_there(shortener: Caller) -> None:
    """Neither a link's nor a domain's: what would lead there is answered as if there were none."""
    await shortener.register(HOST, fallback_url="https://evil.example/domain")
    dead = await shortener.create(domain=HOST, code="summer", fallback_url="https://evil.example/link")
    await shortener.disable(dead.id)
    assert (await shortener.click("summer", host=HOST)).location == "https://evil.example/link"
    await refuse(shortener, "evil.example")
    outcome = await shortener.click("summer", host=HOST)
    assert (outcome.kind, outcome.is_blocked) == (GONE, False)
    assert (await shortener.click("nosuch", host=HOST)).kind == redirect_service_pb2.OUTCOME_KIND_NOT_FOUND


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Bücher.example", "xn--bcher-kva.example"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("2001:db8::0:1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
async def test_a_host_is_kept_as_hosts_are_compared(shortener: Caller, typed: str, kept: str) -> None:
    """In ASCII and lower case, an address in its shortest form; it is found again by any of its writings."""
    assert (await refuse(shortener, typed)).name == kept
    assert await refused(shortener) == {kept: ""}
    await allow(shortener, typed)
    assert await refused(shortener) == {}


@pytest.mark.parametrize(
    "name", ["", "*.evil.example", ".evil.example", "https://evil.example", "evil.example/x", "evil.example:80", "a b",
             "user@evil.example", "1.2.3", "::1%lo"]
)  # fmt: skip
async def test_what_is_no_host_is_refused_by_name(shortener: Caller, name: str) -> None:
    """An address, a pattern, a port: none is a host."""
    assert fields_of(await refusal(refuse(shortener, name))) == {"name"}


async def test_the_list(shortener: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, each host once with its latest reason and its first time; what is not on it cannot be allowed."""
    first = await refuse(shortener, "b.example", "spam")
    again = await refuse(shortener, "b.example", "phishing")
    assert (again.reason, again.refused_at) == ("phishing", first.refused_at)
    await refuse(shortener, "a.example")
    assert list((await refused(shortener)).items()) == [("a.example", ""), ("b.example", "phishing")]
    assert (await refusal(allow(shortener, "c.b.example"))).reason is Reason.HOST_UNKNOWN
    for reason in ("x" * 201, "a\0b"):
        assert fields_of(await refusal(refuse(shortener, "d.example", reason))) == {"reason"}
    monkeypatch.setattr(refused_hosts, "MOST_HOSTS", 2)
    assert (await refusal(refuse(shortener, "d.example"))).reason is Reason.NOT_ALLOWED


@on_a_cluster_too
async def test_the_list_outlives_the_store(shortener: Caller, start: Start, tracking: Tracking, redis: Redis) -> None:
    """It is copied with each change, and comes back with a restore: what was allowed again stays allowed."""
    link = await shortener.create(destination="https://evil.example/", code="summer")
    for name in ("evil.example", "good.example"):
        await refuse(shortener, name, "phishing")
    await allow(shortener, "good.example")
    copies = tracking.refused_hosts
    await eventually(looking(lambda: "good.example" in copies and copies["good.example"].removed), bool)
    await archive_all(tracking, 1)
    await redis.flushall()
    fresh = await start()
    assert (await refusal(refused(fresh))).reason is Reason.STORE_INCOMPLETE
    await restore(shortener)
    assert await refused(fresh) == {"evil.example": "phishing"}
    assert (await fresh.click(link.code)).is_blocked
    assert fields_of(await refusal(fresh.create(destination="https://evil.example/"))) == {"destination"}
    await fresh.create(destination="https://good.example/")
