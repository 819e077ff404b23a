"""Tracking is killed when webhooks are durable and answered, and before they have become events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.faults.chain import Chain
from tests.faults.record import Record
from tests.faults.stores import Stores
from tests.faults.webhooks.sender import Webhooks

ORDERS = 8
SENDERS = 8
RECORDED = "SELECT count(*) FROM events WHERE business_id = $1"


@asynccontextmanager
async def nothing_recorded(chain: Chain) -> AsyncIterator[None]:
    """Let no event be recorded meanwhile: what first decides about each waits for this lock."""
    database = await asyncpg.connect(chain.stack.postgres.url)
    try:
        async with database.transaction():
            await database.execute("LOCK TABLE event_keys IN EXCLUSIVE MODE")
            yield
    finally:
        await database.close()


async def test_each_is_in_the_report_once(chain: Chain) -> None:
    """Orders and refunds that were answered 200, to the cent."""
    record, stores = Record(), Stores(chain)
    webhooks = Webhooks(chain, record)
    await webhooks.connect()
    async with nothing_recorded(chain):
        await webhooks.run(SENDERS, 1, lambda: webhooks.orders >= ORDERS)
        ((recorded,),) = await stores.fetch(RECORDED, webhooks.business_id)
        assert recorded == 0
        await chain.kill("tracking")
    await chain.until_ready()
    await webhooks.settled(stores)
    line = webhooks.line(await stores.rows(webhooks.business_id))
    assert line.is_right, line
    assert record.surprises == []
