"""What platforms send is taken in while PostgreSQL is away, and becomes events once when it is back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from cryptography.fernet import Fernet

from cli.embedded.server_process import ServerProcess
from common.errors import Reason
from tests.support.platforms.connected_shop import CREATED, REFUNDED, Shop
from tests.support.tracking_service.calling import failure
from tests.support.tracking_service.spooling import Running, files, freeze, outage, rows, running, thaw
from tests.support.waiting import eventually

__all__ = ["outage"]

KEY = Fernet.generate_key().decode()
PLACED = "SELECT count(*), count(DISTINCT object::text) FROM activities WHERE action = 'order.placed'"


@pytest_asyncio.fixture
async def site(postgres_url: str, spool_dir: Path, outage: ServerProcess) -> AsyncIterator[Running]:
    """Run the service with a business."""
    async with running(postgres_url, spool_dir, encryption_keys=KEY) as site:
        await site.create_business("shop")
        await site.until_known("shop")
        yield site
        if not outage.is_running:
            outage.start()


@pytest_asyncio.fixture
async def shop(site: Running) -> Shop:
    """Connect a shop that is among those remembered."""
    shop = Shop(site.channel)
    await shop.connect()
    await until_known(site, shop)
    return shop


async def until_known(site: Running, shop: Shop) -> None:
    """Wait until a connection is among those remembered."""
    known = site.service._fallback.hooks.known
    await eventually(lambda: known.by_id(shop.id), lambda found: found is not None)


def order(number: int) -> bytes:
    """Return what is sent of an order with this id."""
    return json.dumps(json.loads(CREATED) | {"id": number, "number": str(number)}).encode()


async def until_settled(postgres_url: str, deliveries: int) -> None:
    """Wait until so many deliveries are in PostgreSQL, and none of them waits."""
    query = "SELECT count(*), count(*) FILTER (WHERE outcome = 'waiting') FROM inbox"

    async def look() -> list[tuple[int, ...]]:
        return await rows(postgres_url, query)

    await eventually(look, lambda found: found == [(deliveries, 0)])


async def test_two_hundred_come_in_an_outage(
    shop: Shop, outage: ServerProcess, postgres_url: str, spool_dir: Path
) -> None:
    """Each is taken, some of them twice, and each is one order afterwards."""
    outage.kill()
    for first in range(1, 201, 20):
        await asyncio.gather(*(shop.send(order(number)) for number in range(first, first + 20)))
    await asyncio.gather(*(shop.send(order(number)) for number in range(1, 21)))
    assert files(spool_dir, "deliveries-*.sqlite")
    outage.start()
    await until_settled(postgres_url, 220)
    assert await rows(postgres_url, PLACED) == [(200, 200)]
    assert await rows(postgres_url, "SELECT count(*) FROM rejected") == [(0,)]
    assert (await shop.seen()).deliveries == 220


async def test_it_is_judged_in_an_outage_as_otherwise(shop: Shop, outage: ServerProcess, postgres_url: str) -> None:
    """What nobody signed is refused, a trial is not kept, and of an unknown hook nothing can be said."""
    outage.kill()
    assert (await failure(shop.send(CREATED, "another"))).reason is Reason.SIGNATURE_WRONG
    await shop.send(b"webhook_id=7", "")
    assert (await failure(shop.send(CREATED, hook="0" * 32))).reason is Reason.STORE_DOWN
    await shop.send(REFUNDED)
    outage.start()
    await until_settled(postgres_url, 1)


async def test_what_was_spooled_survives_a_restart(outage: ServerProcess, postgres_url: str, spool_dir: Path) -> None:
    """So do the connections: another process on the same folder judges by them before PostgreSQL is back."""
    async with running(postgres_url, spool_dir, encryption_keys=KEY) as first:
        await first.create_business("shop")
        shop = Shop(first.channel)
        await shop.connect()
        await until_known(first, shop)
        outage.kill()
        await shop.send(order(1))
    async with running(postgres_url, spool_dir, encryption_keys=KEY) as second:
        again = Shop(second.channel)
        again.id = shop.id
        await again.send(order(2))
        assert (await failure(again.send(order(3), "another"))).reason is Reason.SIGNATURE_WRONG
        outage.start()
        await until_settled(postgres_url, 2)
        assert await rows(postgres_url, PLACED) == [(2, 2)]


async def test_a_store_that_hangs_costs_no_delivery(shop: Shop, outage: ServerProcess, postgres_url: str) -> None:
    """What it may have kept without telling is there once."""
    freeze(outage)
    try:
        await shop.send(order(1))
    finally:
        thaw(outage)
    await until_settled(postgres_url, 1)
    assert await rows(postgres_url, PLACED) == [(1, 1)]


async def test_one_changed_just_before_an_outage_is_judged_by_what_it_is_then(
    site: Running, shop: Shop, outage: ServerProcess
) -> None:
    """Switched off, or with another secret; the one before counts on."""
    known = site.service._fallback.hooks.known
    await shop.change(secret="another-secret")
    await eventually(lambda: known.by_id(shop.id), lambda found: bool(found and found.previous_secret))
    outage.kill()
    await shop.send(order(1), "another-secret")
    await shop.send(order(2))
    outage.start()
    await eventually(shop.outcomes, lambda found: found == ["recorded"] * 2)
    await shop.change(enabled=False)
    await eventually(lambda: known.by_id(shop.id), lambda found: bool(found and not found.is_enabled))
    outage.kill()
    assert (await failure(shop.send(order(3)))).reason is Reason.CONNECTION_UNKNOWN


async def test_a_full_spool_takes_nothing_and_says_so(
    postgres_url: str, spool_dir: Path, outage: ServerProcess
) -> None:
    """The platform is told to come back."""
    async with running(postgres_url, spool_dir, encryption_keys=KEY, spool_limit_bytes=0) as site:
        await site.create_business("shop")
        shop = Shop(site.channel)
        await shop.connect()
        await until_known(site, shop)
        outage.kill()
        refusal = await failure(shop.send(CREATED))
        assert (refusal.reason, bool(refusal.retry_after_seconds)) == (Reason.SPOOL_FULL, True)
        outage.start()
        await eventually(site.is_serving, bool)
