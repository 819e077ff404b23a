"""Links that their recipient was taken from."""

import pytest
from redis.asyncio import Redis

from clicktrail.shortener.v1 import link_pb2, link_service_pb2, redirect_service_pb2
from common.errors import ClicktrailError, Reason
from shortener_service.domains.domains import Domains
from shortener_service.domains.proof import Proofs
from shortener_service.domains.store import RedisDomainStore
from shortener_service.domains.txt_records import TxtRecords
from shortener_service.errors import CONTESTED_ATTEMPTS
from shortener_service.links.link import LinkKey, LinkRecord
from shortener_service.links.links import Change, Links
from shortener_service.links.messages import LinkMessages
from shortener_service.links.store import RedisLinkStore
from shortener_service.links.templates import Templates
from shortener_service.redis.client import RedisCalls
from shortener_service.redis.keyspace import Keys, Shards
from shortener_service.refused_hosts.refused_hosts import RefusedHosts
from shortener_service.refused_hosts.store import RedisRefusedHostStore
from tests.integration.shortener_service.conftest import on_a_cluster_too
from tests.support.shortener_service.callers import (
    BUSINESS,
    SECONDS,
    Caller,
    fields_of,
    looking,
    recipients_of,
    refusal,
)
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

PERSON = "ana-the-person"


async def detach(caller: Caller, *ids: str, business_id: str = BUSINESS) -> None:
    """Take the recipient from links."""
    request = link_service_pb2.DetachProfileRequest(business_id=business_id, ids=ids)
    await caller.links.DetachProfile(request, timeout=SECONDS)


async def read(caller: Caller, link_id: str) -> link_pb2.Link:
    """Return a link."""
    request = link_service_pb2.GetLinkRequest(business_id=BUSINESS, id=link_id)
    return (await caller.links.GetLink(request, timeout=SECONDS)).link


async def stored(redis: Redis) -> bytes:
    """Return everything that the hashes of links hold."""
    held = [await redis.hgetall(key) async for key in redis.scan_iter(match="*:l:*")]
    values = [value for fields in held for value in fields.values()]
    return b" ".join(value if isinstance(value, bytes) else value.encode() for value in values)


@on_a_cluster_too
async def test_a_detached_link_leads_on_without_a_recipient(
    shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Neither the link, nor the store, nor a click tells whose it was; tracking gets the link anew."""
    link = await shortener.create(campaign="spring", profile=PERSON, external_id=PERSON)
    assert PERSON.encode() in await stored(redis)
    await detach(shortener, link.id)
    detached = await read(shortener, link.id)
    assert (detached.profile, detached.external_id) == ("", "")
    assert (detached.destination, detached.campaign) == (link.destination, "spring")
    assert PERSON.encode() not in await stored(redis)
    outcome = await shortener.click(link.code)
    assert outcome.kind == redirect_service_pb2.OUTCOME_KIND_REDIRECT
    (click,) = await eventually(looking(lambda: tracking.clicks), bool)
    assert (click.link, click.profile) == (link.id, "")
    copies = await eventually(looking(lambda: tracking.links), lambda seen: len(seen) == 2)
    latest = max(copies, key=lambda copy: copy.revision)
    assert latest.link == detached


@on_a_cluster_too
async def test_a_detached_link_is_still_that_of_its_external_id(shortener: Caller) -> None:
    """To create it again, by either way, answers with it, whoever is asked for; another template is a conflict."""
    asked = {"campaign": "spring", "profile": PERSON, "external_id": "order-7"}
    link = await shortener.create(**asked)
    await detach(shortener, link.id)
    again = await shortener.create(**asked)
    assert (again.id, again.profile) == (link.id, "")
    assert (await shortener.create(**asked | {"profile": "bob"})).id == link.id
    (result,) = await shortener.create_many([link_pb2.Recipient(profile=PERSON, external_id="order-7")])
    assert (result.link.id, result.link.profile, result.external_id) == (link.id, "", "order-7")
    error = await refusal(shortener.create(**asked | {"destination": "https://shop.example.com/other"}))
    assert error.reason is Reason.EXTERNAL_ID_TAKEN
    assert (await shortener.create(**asked | {"external_id": "order-8"})).id != link.id


async def test_detaching_passes_over_what_is_not_there(shortener: Caller) -> None:
    """Unknown and malformed ids, another business's links, links detached before; and it may be repeated."""
    mine = await shortener.create(profile=PERSON)
    others = await shortener.create(business_id="other", profile=PERSON)
    await detach(shortener, "nosuch", "!", "no.such.domain:abcdef", others.id, mine.id)
    await detach(shortener, mine.id, mine.id)
    assert (await read(shortener, mine.id)).profile == ""
    request = link_service_pb2.GetLinkRequest(business_id="other", id=others.id)
    assert (await shortener.links.GetLink(request, timeout=SECONDS)).link.profile == PERSON


async def test_a_changed_link_can_be_detached(shortener: Caller) -> None:
    """Its neighbours of the same creation keep their recipients, and creating all again gives the same links."""
    recipients = recipients_of(["ana", "bob"])
    ana, bob = [result.link for result in await shortener.create_many(recipients)]
    await shortener.disable(ana.id)
    await detach(shortener, ana.id)
    after = await read(shortener, ana.id)
    assert (after.disabled, after.profile) == (True, "")
    again = [result.link for result in await shortener.create_many(recipients)]
    assert [(link.id, link.profile) for link in again] == [(ana.id, ""), (bob.id, "bob")]


async def test_detaching_is_bounded(shortener: Caller) -> None:
    """One call takes 1,000 links."""
    assert "ids" in fields_of(await refusal(detach(shortener, *(f"l{number}" for number in range(1_001)))))


class Contested(RedisLinkStore):
    """A store in which somebody else changes a link before each change that is made."""

    def __init__(self, calls: RedisCalls, keys: Keys, caller: Caller) -> None:
        super().__init__(calls, keys, outbox_limit_a_shard=1_000, appended=lambda _shard: None)
        self._caller = caller
        self.overtaken = 0

    async def change(
        self, business_id: str, key: LinkKey, before: LinkRecord, after: LinkRecord, delivery: bytes
    ) -> bool:
        """Change a link behind somebody else."""
        self.overtaken += 1
        await self._caller.update(key.code, destination=f"https://shop.example.com/{self.overtaken}")
        return await super().change(business_id, key, before, after, delivery)


async def test_a_link_that_others_change_without_end_is_refused_for_now(shortener: Caller, redis_url: str) -> None:
    """To change it and to detach it: after twenty attempts, and nothing is half done."""
    link = await shortener.create(profile=PERSON)
    calls, keys = RedisCalls(redis_url), Keys(Shards(16))
    store = Contested(calls, keys, shortener)
    refused_hosts = RefusedHosts(RedisRefusedHostStore(calls, keys), lambda: None)
    proofs = Proofs(shortener.shortener._installation.learn, TxtRecords())
    domains = Domains(RedisDomainStore(calls, keys), proofs, refused_hosts, "http://localhost", lambda: None)
    templates = Templates(store, ("s",), 10)
    links = Links(store, templates, domains, refused_hosts, LinkMessages("http://localhost"), lambda _key: None)
    try:
        for attempt in (
            links.detach(BUSINESS, [link.id]),
            links.update(BUSINESS, link.id, Change({"destination": "https://shop.example.com/last"})),
        ):
            with pytest.raises(ClicktrailError) as refused:
                await attempt
            assert (refused.value.reason, refused.value.retry_after_seconds) == (Reason.CONTESTED, 1)
    finally:
        await calls.close()
    assert store.overtaken == 2 * CONTESTED_ATTEMPTS
    kept = await read(shortener, link.id)
    assert (kept.profile, kept.destination) == (PERSON, f"https://shop.example.com/{store.overtaken}")
