"""Bringing an emptied Redis back from the second copies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from redis.asyncio import Redis

from clicktrail.shortener.v1 import (
    domain_service_pb2,
    link_pb2,
    link_service_pb2,
    redirect_service_pb2,
    restore_service_pb2,
    restore_service_pb2_grpc,
)
from clicktrail.tracking.v1 import relay_service_pb2
from common.errors import Reason
from tests.integration.shortener.callers import BUSINESS, SECONDS, Caller, looking, recipients_of, refusal
from tests.integration.shortener.conftest import Start
from tests.integration.shortener.peers import Tracking
from tests.support.waiting import eventually

REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
UNAVAILABLE = redirect_service_pb2.OUTCOME_KIND_UNAVAILABLE
NOT_FOUND = redirect_service_pb2.OUTCOME_KIND_NOT_FOUND
HOST = "go.example.com"

Restore = Callable[..., Awaitable[list[restore_service_pb2.RestoreResponse]]]


@pytest_asyncio.fixture
async def ready(start: Start, redis: Redis) -> Caller:
    """Start a shortener on an empty store; its restores wait for nothing."""
    caller = await start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    return caller


async def restore(caller: Caller, *, force: bool = False) -> list[restore_service_pb2.RestoreResponse]:
    """Restore, without the time that late deliveries are waited for, and return all that is told."""
    caller.shortener._restoration._settle_seconds = 0
    stub = restore_service_pb2_grpc.RestoreServiceStub(caller.channel)
    request = restore_service_pb2.RestoreRequest(force=force)
    return [answer async for answer in stub.Restore(request, timeout=SECONDS * 3)]


async def archive_all(tracking: Tracking, links: int) -> None:
    """Wait until so many copies were delivered, and archive the latest of each link."""
    copies = await eventually(looking(lambda: tracking.links), lambda seen: len(seen) >= links)
    latest: dict[str, relay_service_pb2.LinkCopy] = {}
    for copy in sorted(copies, key=lambda copy: copy.revision):
        latest[copy.link.id] = copy
    tracking.archive = list(latest.values())
    tracking.archived_links = len(latest)


async def held(redis: Redis) -> dict[bytes, Any]:
    """Return what the store holds of links, templates and domains, and the secret."""
    found: dict[bytes, Any] = {}
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        if kind == b"hash":
            found[key] = await redis.hgetall(key)
        elif any(part in key for part in (b":t:", b":secret", b":shards", b":links")):
            found[key] = await redis.get(key)
    return found


async def test_everything_is_as_it_was(ready: Caller, tracking: Tracking, redis: Redis) -> None:
    """Links of every kind, their templates and counters, domains and the secret are the same, byte for byte."""
    await ready.register(HOST, fallback_url="https://shop.example.com/gone")
    await ready.register("old.example.com")
    await ready.domains.RemoveDomain(
        domain_service_pb2.RemoveDomainRequest(business_id=BUSINESS, name="old.example.com"), timeout=SECONDS
    )
    await eventually(looking(lambda: len(tracking.domains)), lambda count: count == 2)
    await eventually(looking(lambda: tracking.domains["old.example.com"].removed), bool)
    many = await ready.create_many(recipients_of([f"p-{number}" for number in range(250)]))
    full = await ready.create(
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
    disabled = await ready.create(external_id="d-1", campaign="spring")
    await ready.disable(disabled.id)
    changed = await ready.create(external_id="c-1", campaign="spring")
    await update(ready, changed.id, destination="https://shop.example.com/other")
    taken = [
        await ready.create(profile="ana", external_id="3f1c7f1e-8a55-4b43-a0a3-0d9a2c5f0001", campaign="spring"),
        await ready.create(profile="ben", campaign="spring"),
    ]
    request = link_service_pb2.DetachProfileRequest(business_id=BUSINESS, ids=[link.id for link in taken])
    await ready.links.DetachProfile(request, timeout=SECONDS)
    await archive_all(tracking, 250 + 1 + 2 + 2 + 4)
    before = await held(redis)
    await redis.flushall()
    assert (await ready.click("nosuch")).kind == UNAVAILABLE
    last = (await restore(ready))[-1]
    assert (last.done, last.total, last.written) == (255, 255, 255)
    after = await held(redis)
    first_of_changed = {key for key in before if key not in after}
    # The template that the changed link had first is no link's any more; only its id is needed.
    assert all(b":t:" in key for key in first_of_changed)
    assert len(first_of_changed) <= 1
    assert after == {key: value for key, value in before.items() if key in after}
    assert (await ready.click("nosuch")).kind == NOT_FOUND
    assert (await ready.click(full.code, host=HOST)).kind == REDIRECT
    again = await ready.create_many(recipients_of([f"p-{number}" for number in range(250)]))
    assert [result.link for result in again] == [result.link for result in many]
    assert (await ready.create(external_id="c-1", campaign="spring")).id == changed.id
    conflict = ready.create(external_id="c-1", campaign="spring", destination="https://shop.example.com/other")
    assert (await refusal(conflict)).reason is Reason.EXTERNAL_ID_TAKEN
    assert (await ready.create(profile="ana", external_id=taken[0].external_id, campaign="spring")).id == taken[0].id


async def update(caller: Caller, link_id: str, **fields: Any) -> link_pb2.Link:
    """Change a link of the shop."""
    request = link_service_pb2.UpdateLinkRequest(
        business_id=BUSINESS,
        id=link_id,
        link=link_service_pb2.LinkChange(**fields),
        update_mask=FieldMask(paths=list(fields)),
    )
    return (await caller.links.UpdateLink(request, timeout=SECONDS)).link


async def test_processes_that_learnt_another_secret_take_the_old_one(
    start: Start, ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """One that ran through it all, and one that was started on the emptied store, derive the same codes again."""
    link = await ready.create(external_id="o-1", campaign="spring")
    await archive_all(tracking, 1)
    secret = await redis.get("{0}:secret")
    await redis.flushall()
    late = await start()
    assert await redis.get("{0}:secret") != secret
    assert (await refusal(late.create(external_id="o-1", campaign="spring"))).reason is Reason.STORE_INCOMPLETE
    assert (await refusal(late.register(HOST))).reason is Reason.STORE_INCOMPLETE
    assert (await refusal(ready.create(code="summer"))).reason is Reason.STORE_INCOMPLETE
    await restore(late)
    assert await redis.get("{0}:secret") == secret == tracking.secret
    for caller in (late, ready):
        assert (await caller.create(external_id="o-1", campaign="spring")).id == link.id
        assert (await caller.create(campaign="spring")).code


async def test_a_bulk_creation_open_across_a_restore_makes_links_that_lead_on(
    ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Its template is kept anew, although no restored link has it."""
    await ready.create()
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
    async for answer in ready.links.CreateLinks(requests(), timeout=SECONDS * 3):
        results += answer.results
        if not go_on.is_set():
            await redis.flushall()
            await restore(ready)
            go_on.set()
    assert (await ready.click(results[1].link.code)).kind == REDIRECT


async def test_nothing_is_done_on_a_complete_store_but_by_force(
    ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """By force what is missing is written and what is there stays."""
    links = [result.link for result in await ready.create_many(recipients_of(["ana", "ben", "eve"]))]
    await archive_all(tracking, 3)
    (told,) = await restore(ready)
    assert (told.was_complete, told.done) == (True, 0)
    await ready.disable(links[0].id)
    before = await held(redis)
    gone = next(key for key, value in before.items() if b":l:" in key and links[2].code.encode() in value)
    await redis.hdel(gone, links[2].code)
    marker = await redis.get("{0}:complete")
    last = (await restore(ready, force=True))[-1]
    assert (last.was_complete, last.done, last.written) == (True, 3, 1)
    assert await held(redis) == before
    assert await redis.get("{0}:complete") == marker


async def test_what_changes_during_a_restore_stays(ready: Caller, tracking: Tracking, redis: Redis) -> None:
    """A link restored already may be changed; a copy that came late replaces an earlier one, never a later one."""
    links = [result.link for result in await ready.create_many(recipients_of([f"p-{at}" for at in range(6)]))]
    await archive_all(tracking, 6)
    tracking.archive.sort(key=lambda copy: copy.link.external_id)
    tracking.export_size = 2
    refused: list[Reason] = []

    async def meddle(at: int) -> None:
        if at == 2:
            await ready.disable(links[0].id)
            refused.append((await refusal(ready.disable(links[5].id))).reason)
            refused.append((await refusal(ready.create())).reason)
            assert (await ready.click(links[0].code)).kind == redirect_service_pb2.OUTCOME_KIND_GONE
            assert not (await update(ready, links[1].id)).disabled
            assert (await ready.click(links[5].code)).kind == UNAVAILABLE

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
    ready.shortener._restoration._settle_seconds = 0
    last = (await restore(ready))[-1]
    assert refused == [Reason.STORE_INCOMPLETE] * 2
    assert last.written == 6 + 2
    after = [await update(ready, link.id) for link in links[:3]]
    assert [link.disabled for link in after] == [True, True, False]
    assert [link.destination.endswith("late") for link in after] == [False, True, False]
    assert (await ready.click("abcdefg")).kind == REDIRECT


async def test_a_restore_that_breaks_off_is_begun_again(ready: Caller, tracking: Tracking, redis: Redis) -> None:
    """Tracking goes away half-way: unavailable, nothing is marked; the next run ends it."""
    links = [result.link for result in await ready.create_many(recipients_of([f"p-{at}" for at in range(20)]))]
    await archive_all(tracking, 20)
    await redis.flushall()
    tracking.export_size, tracking.export_fails_at = 5, 10
    assert (await refusal(restore(ready))).reason is Reason.UPSTREAM_DOWN
    assert not await redis.keys("*:complete")
    assert (await ready.click("nosuch")).kind == UNAVAILABLE
    tracking.export_fails_at = None
    last = (await restore(ready))[-1]
    assert (last.done, last.written) == (20, 10)
    assert {(await ready.click(link.code)).kind for link in links} == {REDIRECT}


async def test_a_store_emptied_again_half_way_is_not_taken_for_complete(
    ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """The run is refused by name, no shard is marked, and the next run restores all."""
    await ready.create_many(recipients_of([f"p-{at}" for at in range(20)]))
    await archive_all(tracking, 20)
    tracking.export_size = 5

    async def empty(at: int) -> None:
        if at == 10:
            await redis.flushall()

    tracking.before_export = empty
    await redis.flushall()
    assert (await refusal(restore(ready))).reason is Reason.STORE_INCOMPLETE
    assert not await redis.keys("*:complete")
    tracking.before_export = type(tracking)().before_export
    assert (await restore(ready))[-1].written == 20


async def test_restores_at_once_and_cancelled_ones_do_no_harm(
    start: Start, ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Two processes restore at the same time, after one that was cancelled: all is there once."""
    await ready.create_many(recipients_of([f"p-{at}" for at in range(60)]))
    await archive_all(tracking, 60)
    other = await start()
    before = await held(redis)
    await redis.flushall()
    tracking.export_size = 5
    stub = restore_service_pb2_grpc.RestoreServiceStub(ready.channel)
    call = stub.Restore(restore_service_pb2.RestoreRequest(), timeout=SECONDS)
    async for answer in call:
        if answer.done >= 10:
            call.cancel()
            break
    await asyncio.gather(*(restore(caller) for caller in (ready, other, ready)))
    assert await held(redis) == before
    assert (await ready.create()).code


async def test_an_emptied_store_without_links_takes_its_secret_and_domains_by_itself(
    start: Start, ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """Where no link was ever made, the next start completes the store."""
    await ready.register(HOST)
    await eventually(looking(lambda: len(tracking.domains)), bool)
    secret = await redis.get("{0}:secret")
    await redis.flushall()
    caller = await start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    assert await redis.get("{0}:secret") == secret
    assert (await caller.create(domain=HOST)).id.startswith(HOST)


async def test_no_link_is_made_before_the_secret_has_its_copy(redis: Redis, start: Start) -> None:
    """The marker of a new store is set when tracking has the secret."""
    late = Tracking()
    await start(tracking_target=late.target)
    assert not await redis.exists("{0}:complete")
    await late.start()
    await eventually(lambda: redis.exists("{15}:complete"), bool)
    assert late.secret == await redis.get("{0}:secret")
    await late.stop()


async def test_a_store_without_copies_gets_them_at_start(
    start: Start, ready: Caller, tracking: Tracking, redis: Redis
) -> None:
    """A tracking service that lost its database learns the secret and the domains anew."""
    await ready.register(HOST)
    await eventually(looking(lambda: len(tracking.domains)), bool)
    tracking.secret = b""
    tracking.domains.clear()
    await start()
    await eventually(looking(lambda: len(tracking.domains)), bool)
    assert tracking.secret == await redis.get("{0}:secret")


async def test_another_installations_store_is_refused(ready: Caller, tracking: Tracking, redis: Redis) -> None:
    """A complete Redis whose secret is not the database's is left alone."""
    tracking.secret = b"another"
    before = await held(redis)
    with pytest.raises(grpc.aio.AioRpcError, match="two installations"):
        await restore(ready, force=True)
    assert await held(redis) == before


async def test_remembered_links_lead_on_while_the_store_is_empty(
    ready: Caller, tracking: Tracking, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although they are due to be read again."""
    link = await ready.create()
    await archive_all(tracking, 1)
    assert (await ready.click(link.code)).kind == REDIRECT
    monkeypatch.setattr("shortener_service.live_links.FRESH_SECONDS", 0)
    await redis.flushall()
    assert (await ready.click(link.code)).kind == REDIRECT
    assert (await ready.click("nosuch")).kind == UNAVAILABLE
    await restore(ready)
    assert (await ready.click(link.code)).kind == REDIRECT
