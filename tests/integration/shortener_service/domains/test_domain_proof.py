"""Whose a domain is, by a record that only who controls its DNS can set."""

from collections.abc import Iterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from clicktrail.shortener.v1 import domain_service_pb2 as pb
from clicktrail.shortener.v1 import redirect_service_pb2
from common.errors import FaultType, Reason
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.name_server import NameServer, name_server
from tests.support.shortener_service.callers import BUSINESS, DESTINATION, SECONDS, Caller, fields_of, looking, refusal
from tests.support.shortener_service.restoring import archive_all, restore
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

HOST = "go.example.com"
OTHER = "rival"
REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
NOT_FOUND = redirect_service_pb2.OUTCOME_KIND_NOT_FOUND


@pytest.fixture
def names() -> Iterator[NameServer]:
    """Run a name server."""
    with name_server() as server:
        yield server


@pytest_asyncio.fixture
async def shortener(start: Start, redis: Redis, names: NameServer) -> Caller:
    """Start a shortener that asks this name server, on an empty store."""
    caller = await start(dns_servers=names.address)
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    return caller


async def claim(shortener: Caller, business_id: str = BUSINESS, name: str = HOST) -> pb.Domain:
    """Ask for a domain."""
    request = pb.ClaimDomainRequest(business_id=business_id, name=name)
    return (await shortener.domains.ClaimDomain(request, timeout=SECONDS)).domain


async def verify(shortener: Caller, business_id: str = BUSINESS, name: str = HOST) -> pb.Domain:
    """Have the proof of a domain looked for."""
    request = pb.VerifyDomainRequest(business_id=business_id, name=name)
    return (await shortener.domains.VerifyDomain(request, timeout=SECONDS)).domain


async def listed(shortener: Caller, business_id: str = BUSINESS) -> list[pb.Domain]:
    """List a business's domains."""
    request = pb.ListDomainsRequest(business_id=business_id)
    return list((await shortener.domains.ListDomains(request, timeout=SECONDS)).domains)


async def prove(shortener: Caller, names: NameServer, business_id: str = BUSINESS) -> pb.Domain:
    """Set a business's record beside those that are there, and have it looked for."""
    record = (await claim(shortener, business_id)).record
    names.texts.setdefault(record.name, []).append(record.value)
    return await verify(shortener, business_id)


@on_a_cluster_too
async def test_a_domain_serves_once_it_is_proved(shortener: Caller, names: NameServer) -> None:
    """Claimed, it serves nothing; with its record among others, it serves the business's links."""
    claimed = await claim(shortener)
    assert (claimed.record.type, claimed.record.name) == ("TXT", f"_clicktrail.{HOST}")
    assert claimed.record.value.startswith("clicktrail=")
    assert not claimed.HasField("verified_at")
    assert await listed(shortener) == []
    assert fields_of(await refusal(shortener.create(domain=HOST))) == {"domain"}
    assert (await claim(shortener)).record == claimed.record
    names.texts[claimed.record.name] = ["v=spf1 -all", "x" * 400, claimed.record.value]
    verified = await verify(shortener)
    assert verified.verified_at.seconds
    assert (await shortener.create(domain=HOST, code="summer")).short_url == f"https://{HOST}/summer"
    assert (await shortener.click("summer", host=HOST)).kind == REDIRECT
    (kept,) = await listed(shortener)
    assert (kept.name, kept.verified_at) == (HOST, verified.verified_at)
    assert await verify(shortener) == verified
    assert (await claim(shortener)).verified_at == verified.verified_at


async def test_what_is_missing_is_told(shortener: Caller, names: NameServer) -> None:
    """No such name, no record, other values: each is told, with what was found; a record set then is seen at once."""
    record = (await claim(shortener)).record
    for is_there in (False, True):
        if is_there:
            names.texts[record.name] = []
        error = await refusal(verify(shortener))
        assert (error.reason, error.faults[0].type) == (Reason.DOMAIN_NOT_PROVED, FaultType.NOT_FOUND)
        assert record.name in str(error)
        assert record.value in str(error)
    names.texts[record.name] = ["a\\127b", "y" * 300, "third"]
    error = await refusal(verify(shortener))
    assert (error.faults[0].type, fields_of(error)) == (FaultType.INVALID, {"name"})
    assert '"a�b"' in str(error)
    assert f'"{"y" * 100}…"' in str(error)
    names.texts[record.name].append("fourth")
    assert "and 1 more" in str(await refusal(verify(shortener)))
    assert await listed(shortener) == []
    names.texts[record.name] = [record.value]
    assert (await verify(shortener)).name == HOST


async def test_a_name_server_that_does_not_answer(shortener: Caller, names: NameServer) -> None:
    """Told as that, to be tried again, and never as a record that is not there; nothing is remembered of it."""
    record = (await claim(shortener)).record
    names.texts[record.name] = [record.value]
    names.fails = True
    error = await refusal(verify(shortener))
    assert (error.reason, error.retry_after_seconds) == (Reason.DNS_DOWN, 1)
    names.fails, names.is_silent = False, True
    assert (await refusal(verify(shortener))).reason is Reason.DNS_DOWN
    names.is_silent = False
    assert (await verify(shortener)).name == HOST


@pytest.mark.parametrize("name", ["localhost", "Go.example.com", "https://x.example.com", "", "a." * 120 + "example"])
async def test_only_a_host_name_can_be_claimed(shortener: Caller, names: NameServer, name: str) -> None:
    """What is none, or the default domain, or too long for its record, is refused by name; no name server is asked."""
    assert fields_of(await refusal(claim(shortener, name=name))) == {"name"}
    assert fields_of(await refusal(verify(shortener, name=name))) == {"name"}
    assert names.asked == []


async def test_who_proves_a_domain_has_it(shortener: Caller, names: NameServer) -> None:
    """Of two that ask, the one with the record; later another one, once the first one's record is gone."""
    first, second = await claim(shortener), await claim(shortener, OTHER)
    assert first.record.name == second.record.name
    assert first.record.value != second.record.value
    await prove(shortener, names)
    await shortener.create(domain=HOST, code="summer")
    assert (await refusal(verify(shortener, OTHER))).reason is Reason.DOMAIN_NOT_PROVED
    names.texts[second.record.name].append(second.record.value)
    assert (await refusal(verify(shortener, OTHER))).reason is Reason.DOMAIN_TAKEN
    assert [domain.name for domain in await listed(shortener)] == [HOST]
    names.texts[first.record.name].remove(first.record.value)
    await verify(shortener, OTHER)
    assert await listed(shortener) == []
    assert (await shortener.click("summer", host=HOST)).kind == NOT_FOUND


async def test_the_operators_word_stands(shortener: Caller, names: NameServer) -> None:
    """A domain that the operator registered, as all were before, serves without proof, and no proof takes it away."""
    await shortener.register(HOST, fallback_url=DESTINATION)
    await shortener.create(domain=HOST, code="summer")
    assert (await refusal(prove(shortener, names, OTHER))).reason is Reason.DOMAIN_TAKEN
    assert (await shortener.click("summer", host=HOST)).kind == REDIRECT
    verified = await prove(shortener, names)
    assert (verified.fallback_url, bool(verified.verified_at.seconds)) == (DESTINATION, True)
    await shortener.register(HOST)
    (kept,) = await listed(shortener)
    assert (kept.fallback_url, kept.verified_at) == ("", verified.verified_at)


async def test_a_business_sets_the_fallback_of_its_own_domain(shortener: Caller, names: NameServer) -> None:
    """By the rules of fallbacks; of no other business's, and nothing else of a domain."""
    await prove(shortener, names)

    async def update(business_id: str, *paths: str, fallback_url: str = DESTINATION) -> pb.Domain:
        request = pb.UpdateDomainRequest(
            business_id=business_id, name=HOST, domain=pb.DomainChange(fallback_url=fallback_url)
        )
        request.update_mask.paths.extend(paths)
        return (await shortener.domains.UpdateDomain(request, timeout=SECONDS)).domain

    assert (await update(BUSINESS, "fallback_url")).fallback_url == DESTINATION
    assert (await shortener.click("none", host=HOST)).location == DESTINATION
    assert (await refusal(update(OTHER, "fallback_url"))).reason is Reason.DOMAIN_UNKNOWN
    assert fields_of(await refusal(update(BUSINESS, "fallback_url", fallback_url="ftp://x"))) == {"fallback_url"}
    assert fields_of(await refusal(update(BUSINESS, "name"))) == {"name"}
    assert not (await update(BUSINESS, "fallback_url", fallback_url="")).fallback_url


async def test_a_proof_outlives_the_store(
    shortener: Caller, names: NameServer, tracking: Tracking, redis: Redis
) -> None:
    """After a restore the domain is proved as it was, and the same record is asked for; in between nothing is told."""
    verified = await prove(shortener, names)
    await eventually(looking(lambda: HOST in tracking.domains), bool)
    await shortener.create()
    await archive_all(tracking, 1)
    await redis.flushall()
    assert (await refusal(claim(shortener))).reason is Reason.STORE_INCOMPLETE
    await restore(shortener)
    assert await listed(shortener) == [pb.Domain(name=HOST, business_id=BUSINESS, verified_at=verified.verified_at)]
    assert (await claim(shortener)).record == verified.record
