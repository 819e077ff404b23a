"""Bringing an emptied Redis back from the second copies."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from clicktrail.shortener.v1 import (
    domain_service_pb2,
    link_pb2,
    link_service_pb2,
    redirect_service_pb2,
)
from clicktrail.tracking.v1 import relay_service_pb2
from common.errors import Reason
from tests.integration.shortener_service.conftest import Start
from tests.support.shortener_service.callers import BUSINESS, SECONDS, Caller, looking, recipients_of, refusal
from tests.support.shortener_service.restoring import archive_all, held, links_held, restore
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
UNAVAILABLE = redirect_service_pb2.OUTCOME_KIND_UNAVAILABLE
NOT_FOUND = redirect_service_pb2.OUTCOME_KIND_NOT_FOUND
HOST = "go.example.com"
OTHER = "https://shop.example.com/other"
# Looks like the person's own id, as external ids often are.
OF_DETACHED = "3f1c7f1e-8a55-4b43-a0a3-0d9a2c5f0001"
MANY = recipients_of([f"p-{number}" for number in range(250)])


@dataclass(frozen=True)
class Shop:
    """A shop with links of every kind."""

    many: list[link_service_pb2.LinkResult]
    full: link_pb2.Link
    changed: link_pb2.Link
    detached: link_pb2.Link


async def shop_with_all(shortener: Caller, tracking: Tracking) -> Shop:
    """Make a domain with a fallback, and 255 links: of a campaign, with every field, disabled, changed, detached."""
    await shortener.register(HOST, fallback_url="https://shop.example.com/gone")
    await eventually(looking(lambda: HOST in tracking.domains), bool)
    many = await shortener.create_many(MANY)
    full = await shortener.create(
        domain=HOST,
        code="summer",
        journey="welcome",
        message="m-1",
        utm={"source": "sms", "content": "ä"},
        expires_at={"seconds": 4_000_000_000, "nanos": 500_000_000},
        fallback_url="https://shop.example.com/late",
        session_parameters=["s", "t"],
        metadata={"text": b'{"n": 1.50, "s": "\\u0000"}'},
    )
    disabled = await shortener.create(external_id="d-1", campaign="spring")
    await shortener.disable(disabled.id)
    changed = await shortener.create(external_id="c-1", campaign="spring")
    await shortener.update(changed.id, destination=OTHER)
    detached = [
        await shortener.create(profile="ana", external_id=OF_DETACHED, campaign="spring"),
        await shortener.create(profile="ben", campaign="spring"),
    ]
    request = link_service_pb2.DetachProfileRequest(business_id=BUSINESS, ids=[link.id for link in detached])
    await shortener.links.DetachProfile(request, timeout=SECONDS)
    return Shop(many, full, changed, detached[0])


async def removed_domain(shortener: Caller, tracking: Tracking) -> None:
    """Register a domain, remove it, and wait until its copy says so."""
    await shortener.register("old.example.com")
    request = domain_service_pb2.RemoveDomainRequest(business_id=BUSINESS, name="old.example.com")
    await shortener.domains.RemoveDomain(request, timeout=SECONDS)
    await eventually(looking(lambda: "old.example.com" in tracking.domains), bool)
    await eventually(looking(lambda: tracking.domains["old.example.com"].removed), bool)


async def test_everything_is_as_it_was(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """Links of every kind, their templates and counters, domains and the secret are the same, byte for byte."""
    await removed_domain(shortener, tracking)
    await shop_with_all(shortener, tracking)
    # Changing, disabling and detaching make a copy more each.
    await archive_all(tracking, 255 + 4)
    before = await held(redis)
    await redis.flushall()
    assert (await shortener.click("nosuch")).kind == UNAVAILABLE
    last = (await restore(shortener))[-1]
    assert (last.done, last.total, last.written) == (255, 255, 255)
    after = await held(redis)
    missing = before.keys() - after.keys()
    # The template that the changed link had first is no link's any more; only its id is needed.
    assert all(b":t:" in key for key in missing)
    assert len(missing) <= 1
    assert after == {key: value for key, value in before.items() if key in after}


async def test_what_cannot_be_read_keeps_nothing_else_from_coming_back(
    shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Two bad copies among many: they are counted and named, and the store is complete."""
    links = [await shortener.create() for _ in range(30)]
    await archive_all(tracking, 30)
    by_id = {copy.link.id: copy for copy in tracking.archive}
    by_id[links[3].id].origin_template = "é"
    by_id[links[3].id].revision += 1
    by_id[links[17].id].link.ClearField("destination")
    await redis.flushall()
    last = (await restore(shortener))[-1]
    assert (last.done, last.total, last.written, last.unreadable) == (30, 30, 28, 2)
    assert set(last.unreadable_links) == {links[3].id, links[17].id}
    assert (await shortener.click(links[4].code)).kind == REDIRECT
    assert (await shortener.click(links[3].code)).kind == NOT_FOUND


async def test_restored_links_lead_on_and_are_not_made_again(
    shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """The same external ids find the same links, with the same conflicts; unknown codes are unknown again."""
    shop = await shop_with_all(shortener, tracking)
    await archive_all(tracking, 255 + 4)
    await redis.flushall()
    await restore(shortener)
    assert (await shortener.click("nosuch")).kind == NOT_FOUND
    assert (await shortener.click(shop.full.code, host=HOST)).kind == REDIRECT
    again = await shortener.create_many(MANY)
    assert [result.link for result in again] == [result.link for result in shop.many]
    assert (await shortener.create(external_id="c-1", campaign="spring")).id == shop.changed.id
    conflict = shortener.create(external_id="c-1", campaign="spring", destination=OTHER)
    assert (await refusal(conflict)).reason is Reason.EXTERNAL_ID_TAKEN
    found = await shortener.create(profile="ana", external_id=OF_DETACHED, campaign="spring")
    assert found.id == shop.detached.id


async def test_processes_that_learnt_another_secret_take_the_old_one(
    start: Start, shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """One that ran through it all, and one that was started on the emptied store, derive the same codes again."""
    link = await shortener.create(external_id="o-1", campaign="spring")
    await archive_all(tracking, 1)
    secret = await redis.get("{0}:secret")
    await redis.flushall()
    late = await start()
    assert await redis.get("{0}:secret") != secret
    assert (await refusal(late.create(external_id="o-1", campaign="spring"))).reason is Reason.STORE_INCOMPLETE
    assert (await refusal(late.register(HOST))).reason is Reason.STORE_INCOMPLETE
    assert (await refusal(shortener.create(code="summer"))).reason is Reason.STORE_INCOMPLETE
    await restore(late)
    assert await redis.get("{0}:secret") == secret == tracking.secret
    for caller in (late, shortener):
        assert (await caller.create(external_id="o-1", campaign="spring")).id == link.id
        assert (await caller.create(campaign="spring")).code


async def test_a_bulk_creation_open_across_a_restore_makes_links_that_lead_on(
    shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Its template is kept anew, although no restored link has it."""
    await shortener.create()
    await archive_all(tracking, 1)
    go_on = asyncio.Event()

    async def requests() -> Any:
        template = link_pb2.LinkTemplate(destination="https://shop.example.com/bulk", campaign="spring")
        yield link_service_pb2.CreateLinksRequest(
            business_id=BUSINESS, template=template, recipients=recipients_of(["ana"])
        )
        await go_on.wait()
        yield link_service_pb2.CreateLinksRequest(recipients=recipients_of(["ben"]))

    results: list[link_service_pb2.LinkResult] = []
    async for answer in shortener.links.CreateLinks(requests(), timeout=SECONDS * 3):
        results += answer.results
        if not go_on.is_set():
            await redis.flushall()
            await restore(shortener)
            go_on.set()
    assert (await shortener.click(results[1].link.code)).kind == REDIRECT


async def test_nothing_is_done_on_a_complete_store_but_by_force(
    shortener: Caller, tracking: Tracking, redis: Redis
) -> None:
    """By force what is missing is written and what is there stays."""
    links = [result.link for result in await shortener.create_many(recipients_of(["ana", "ben", "eve"]))]
    await archive_all(tracking, 3)
    (told,) = await restore(shortener)
    assert (told.was_complete, told.done) == (True, 0)
    await shortener.disable(links[0].id)
    before = await held(redis)
    gone = next(key for key, value in before.items() if b":l:" in key and links[2].code.encode() in value)
    await redis.hdel(gone, links[2].code)
    marker = await redis.get("{0}:complete")
    last = (await restore(shortener, force=True))[-1]
    assert (last.was_complete, last.done, last.written) == (True, 3, 1)
    assert await held(redis) == before
    assert await redis.get("{0}:complete") == marker


async def test_what_changes_during_a_restore_stays(shortener: Caller, tracking: Tracking, redis: Redis) -> None:
    """A link restored already may be changed; a copy that came late replaces an earlier one, never a later one."""
    links = [result.link for result in await shortener.create_many(recipients_of([f"p-{at}" for at in range(6)]))]
    await archive_all(tracking, 6)
    tracking.archive.sort(key=lambda copy: copy.link.external_id)
    tracking.export_size = 2
    refused: list[Reason] = []

    async def meddle(at: int) -> None:
        if at == 2:
            # The first two are on their way still.
            await eventually(lambda: links_held(redis), lambda held: held == at)
            await shortener.disable(links[0].id)
            refused.append((await refusal(shortener.disable(links[5].id))).reason)
            refused.append((await refusal(shortener.create())).reason)
            assert (await shortener.click(links[0].code)).kind == redirect_service_pb2.OUTCOME_KIND_GONE
            assert not (await shortener.update(links[1].id)).disabled
            assert (await shortener.click(links[5].code)).kind == UNAVAILABLE

    tracking.before_export = meddle
    for at, delay in ((0, 0), (1, 10**9)):
        copy = relay_service_pb2.LinkCopy()
        copy.CopyFrom(tracking.archive[at])
        copy.revision += delay
        copy.link.disabled = bool(delay)
        copy.link.destination = "https://shop.example.com/late"
        tracking.late.append(copy)
    new = relay_service_pb2.LinkCopy()
    new.CopyFrom(tracking.archive[2])
    new.link.id = new.link.code = "abcdefg"
    tracking.late.append(new)
    await redis.flushall()
    last = (await restore(shortener))[-1]
    assert refused == [Reason.STORE_INCOMPLETE] * 2
    assert last.written == 6 + 2
    after = [await shortener.update(link.id) for link in links[:3]]
    assert [link.disabled for link in after] == [True, True, False]
    assert [link.destination.endswith("late") for link in after] == [False, True, False]
    assert (await shortener.click("abcdefg")).kind == REDIRECT


async def test_remembered_links_lead_on_while_the_store_is_empty(
    shortener: Caller, tracking: Tracking, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although they are due to be read again."""
    link = await shortener.create()
    await archive_all(tracking, 1)
    assert (await shortener.click(link.code)).kind == REDIRECT
    monkeypatch.setattr("shortener_service.redirects.link_cache.TRUST_SECONDS", 0)
    await redis.flushall()
    assert (await shortener.click(link.code)).kind == REDIRECT
    assert (await shortener.click("nosuch")).kind == UNAVAILABLE
    await restore(shortener)
    assert (await shortener.click(link.code)).kind == REDIRECT
