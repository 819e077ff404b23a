"""Creating thousands of links from one template."""

import asyncio
from typing import Any

from redis.asyncio import Redis

from clicktrail.shortener.v1 import link_pb2, link_service_pb2
from common.errors import FaultType
from tests.integration.shortener_service.conftest import Start, on_a_cluster_too
from tests.support.shortener_service.callers import (
    BUSINESS,
    DESTINATION,
    SECONDS,
    Caller,
    fields_of,
    recipients_of,
    refusal,
)
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually


def codes_of(results: list[link_service_pb2.LinkResult]) -> list[str]:
    """Return the codes of links that were all created."""
    assert not [result for result in results if result.errors]
    return [result.link.code for result in results]


@on_a_cluster_too
async def test_thousands_in_order(shortener: Caller, tracking: Tracking) -> None:
    """Five thousand recipients get a link each, answered in their order, and every copy reaches tracking."""
    names = [f"customer-{number}" for number in range(5_000)]
    results = await shortener.create_many(recipients_of(names), a_message=1_700)
    assert [result.external_id for result in results] == names
    assert [result.link.profile for result in results] == names
    codes = codes_of(results)
    assert len(set(codes)) == len(names)

    async def delivered() -> set[str]:
        return {copy.link.code for copy in tracking.links}

    assert await eventually(delivered, lambda seen: len(seen) == len(names)) == set(codes)


@on_a_cluster_too
async def test_a_retry_gets_the_same_codes(shortener: Caller) -> None:
    """A repeated creation returns the same links in the new order, and new ones only for new recipients."""
    names = [f"c{number}" for number in range(600)]
    first = dict(zip(names, codes_of(await shortener.create_many(recipients_of(names))), strict=True))
    again = [*reversed(names), "new"]
    second = dict(zip(again, codes_of(await shortener.create_many(recipients_of(again), a_message=7)), strict=True))
    assert second.pop("new") not in first.values()
    assert second == first


@on_a_cluster_too
async def test_a_retry_after_codes_have_grown(start: Start, shortener: Caller, redis: Redis) -> None:
    """A repeated creation finds its links also when new codes are longer by now."""
    names = [f"c{number}" for number in range(50)]
    short = codes_of(await shortener.create_many(recipients_of(names)))
    await redis.set("{3}:links", 50_000_000)
    later = await start()
    assert codes_of(await later.create_many(recipients_of(names))) == short
    grown = codes_of(await later.create_many(recipients_of(["new"])))
    assert {len(code) for code in short} == {6}
    assert {len(code) for code in grown} == {8}
    assert codes_of(await later.create_many(recipients_of(["new"]))) == grown


async def test_another_length_meanwhile(start: Start, shortener: Caller, redis: Redis) -> None:
    """A process that does not know yet that codes have grown finds the longer ones too."""
    await shortener.create()
    await redis.set("{3}:links", 50_000_000)
    later = await start()
    names = [f"c{number}" for number in range(20)]
    grown = codes_of(await later.create_many(recipients_of(names)))
    await redis.set("{3}:links", 0)
    unaware = await start()
    assert codes_of(await unaware.create_many(recipients_of(names))) == grown


async def test_another_profile_is_a_conflict(shortener: Caller) -> None:
    """The same external id with another profile fails alone, in its own answer, and never gets the old link."""
    await shortener.create_many(recipients_of(["a", "b"]))
    changed = [link_pb2.Recipient(profile="else", external_id="a"), *recipients_of(["b", "c"])]
    conflict, same, new = await shortener.create_many(changed)
    assert not conflict.HasField("link")
    assert [(fault.type, fault.parameter) for fault in conflict.errors] == [(FaultType.CONFLICT, "external_id")]
    assert same.link.code
    assert new.link.code


async def test_another_template_is_a_conflict(shortener: Caller) -> None:
    """The same external id with another template or domain is a conflict; in another series it is not."""
    await shortener.create_many(recipients_of(["a"]))
    (conflict,) = await shortener.create_many(recipients_of(["a"]), destination="https://other.example.com/")
    assert conflict.errors[0].type == FaultType.CONFLICT
    await shortener.register("go.example.com")
    (conflict,) = await shortener.create_many(recipients_of(["a"]), domain="go.example.com")
    assert conflict.errors[0].type == FaultType.CONFLICT
    codes_of(await shortener.create_many(recipients_of(["a"]), message="second"))
    codes_of(await shortener.create_many(recipients_of(["a"]), campaign=None, journey="spring"))


async def test_one_external_id_twice_in_a_request(shortener: Caller) -> None:
    """An external id that comes twice gets the same answer twice, or a conflict where its profile differs."""
    twice = [*recipients_of(["a", "a"]), link_pb2.Recipient(profile="else", external_id="a")]
    first, second, other = await shortener.create_many(twice)
    assert first.link == second.link
    assert other.errors[0].type == FaultType.CONFLICT


async def test_concurrent_retries_give_one_link(shortener: Caller, tracking: Tracking) -> None:
    """Creations of the same recipients at the same time, by two processes' worth of calls, give one link each."""
    names = [f"c{number}" for number in range(200)]
    answers = await asyncio.gather(*(shortener.create_many(recipients_of(names), a_message=50) for _ in range(4)))
    codes = [codes_of(answer) for answer in answers]
    assert codes[0] == codes[1] == codes[2] == codes[3]

    async def delivered() -> list[str]:
        return [copy.link.code for copy in tracking.links]

    copies = await eventually(delivered, lambda seen: len(seen) >= len(names))
    assert sorted(copies) == sorted(codes[0])


async def test_taken_codes_are_passed_over(shortener: Caller, redis: Redis) -> None:
    """Where another link has the code of an external id, the next code is taken, and found again."""
    (result,) = await shortener.create_many(recipients_of(["a"]))
    bucket = await _bucket_with(redis, result.link.code)
    # The same code with another's record, as if it had been there first.
    other = await shortener.create(code="other")
    record = await redis.hget(await _bucket_with(redis, other.code), other.code)
    await redis.hset(bucket, result.link.code, record)
    (second,) = await shortener.create_many(recipients_of(["a"]))
    assert second.link.code != result.link.code
    (third,) = await shortener.create_many(recipients_of(["a"]))
    assert third.link.code == second.link.code


async def test_a_faulty_recipient_fails_alone(shortener: Caller) -> None:
    """A faulty recipient has its faults in its own answer; its neighbours get their links."""
    good, bad, also_good = await shortener.create_many(
        [
            link_pb2.Recipient(profile="a"),
            link_pb2.Recipient(profile="b c", external_id="x" * 101),
            link_pb2.Recipient(),
        ]
    )
    assert good.link.profile == "a"
    assert {fault.parameter for fault in bad.errors} == {"profile", "external_id"}
    assert also_good.link.code
    assert not also_good.link.HasField("profile")


async def test_a_faulty_template_is_refused_first(shortener: Caller, redis: Redis) -> None:
    """A faulty template is refused before anything is created, its fields named below `template`."""
    error = await refusal(shortener.create_many(recipients_of(["a"]), destination="x", campaign="a", journey="b"))
    assert fields_of(error) == {"template.destination", "template.campaign"}
    assert not await redis.keys("*:l:*")


async def test_a_batch_in_one_call(shortener: Caller) -> None:
    """A batch answers as the stream does; none and too many recipients are refused, and so is a missing template."""
    template = link_pb2.LinkTemplate(destination=DESTINATION, campaign="spring")

    async def batch(count: int, shared: link_pb2.LinkTemplate | None = template) -> list[link_service_pb2.LinkResult]:
        request = link_service_pb2.BatchCreateLinksRequest(
            business_id=BUSINESS, template=shared, recipients=recipients_of(map(str, range(count)))
        )
        return list((await shortener.links.BatchCreateLinks(request, timeout=SECONDS)).links)

    codes = codes_of(await batch(1_200))
    assert codes == codes_of(await shortener.create_many(recipients_of(map(str, range(1_200)))))
    assert fields_of(await refusal(batch(0))) == {"recipients"}
    assert fields_of(await refusal(batch(10_001))) == {"recipients"}
    assert fields_of(await refusal(batch(1, None))) == {"template"}


async def test_small_records_stay_packed(shortener: Caller, redis: Redis) -> None:
    """Links of recipients are kept in packed hashes, which is what makes them small."""
    await shortener.create_many(recipients_of(f"customer-{number:08d}" for number in range(300)))
    kinds = {await redis.object("encoding", key) for key in await redis.keys("*:l:*")}
    assert kinds <= {b"ziplist", b"listpack"}


async def _bucket_with(redis: Redis, code: str) -> Any:
    for key in await redis.keys("*:l:*"):
        if await redis.hexists(key, code):
            return key
    raise AssertionError(code)
