"""Events are taken in by streams: batches, one after the other."""

from typing import TYPE_CHECKING, Any

import pytest
from grpc import aio

from clicktrail.tracking.v1 import event_pb2, event_service_pb2
from common.errors import Reason
from common.rpc.errors import from_rpc_error
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, REJECTED, Stub, event, submission, track

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")


async def test_batches_over_one_stream(events: Stub, database: "Database") -> None:
    """Each is recorded before the next is read, with receipts as of a batch alone; one that is refused ends it."""
    # The types of the stubs know streams of requests by iterators alone.
    stream: Any = events.TrackBatches(timeout=120)
    first, bad, second = (submission(event(action), key=action) for action in ("page.viewed", "no such", "cart.viewed"))
    await stream.write(event_service_pb2.TrackBatchesRequest(submissions=[first]))
    assert [receipt.status for receipt in (await stream.read()).receipts] == [ACCEPTED]
    await stream.write(event_service_pb2.TrackBatchesRequest(submissions=[first, bad, second]))
    receipts = list((await stream.read()).receipts)
    assert [receipt.status for receipt in receipts] == [DUPLICATE, REJECTED, ACCEPTED]
    assert await track(events, second) == [event_pb2.Receipt(id=receipts[2].id, key="cart.viewed", status=DUPLICATE)]
    assert await database.fetchval("SELECT count(*) FROM events") == 2
    await stream.write(event_service_pb2.TrackBatchesRequest(submissions=[first] * 1_001))
    with pytest.raises(aio.AioRpcError) as refused:
        await stream.read()
    error = from_rpc_error(refused.value)
    assert error is not None
    assert error.reason is Reason.BATCH_TOO_LARGE
