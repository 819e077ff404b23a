"""PostgreSQL goes away and comes back while the service runs."""

from collections.abc import Iterator

import pytest
from grpc import aio

from cli.embedded.server_process import ServerProcess
from clicktrail.tracking.v1 import account_service_pb2 as pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, relay_service_pb2_grpc
from common.errors import Reason
from common.rpc.errors import from_rpc_error
from tests.support.tracking_service.clicking import click, delivery
from tests.support.tracking_service.events import ACCEPTED, Stub, event, submission, track
from tests.support.waiting import eventually
from tracking_service.bootstrap import TrackingService


@pytest.fixture
def outage(postgres_server: ServerProcess, channel: aio.Channel) -> Iterator[ServerProcess]:  # noqa: ARG001  (the service starts before the outage)
    """Lend the server, to be stopped; it runs again afterwards."""
    yield postgres_server
    if not postgres_server.is_running:
        postgres_server.start()


async def reason(channel: aio.Channel, business: str) -> Reason | None:
    """Return why a business cannot be read now, None where it can."""
    accounts = account_service_pb2_grpc.AccountServiceStub(channel)
    try:
        found = await accounts.GetBusiness(pb.GetBusinessRequest(id=business), timeout=30)
    except aio.AioRpcError as failure:
        error = from_rpc_error(failure)
        if error is None:
            raise
        return error.reason
    assert found.business.id == business
    return None


async def test_an_outage_is_told_and_survived(
    tracking: TrackingService, channel: aio.Channel, business: str, outage: ServerProcess
) -> None:
    """What needs PostgreSQL is UNAVAILABLE meanwhile, with a time to come back; then the same process serves again."""
    assert await reason(channel, business) is None
    outage.stop()
    assert await reason(channel, business) is Reason.STORE_DOWN
    with pytest.raises(aio.AioRpcError) as caught:
        await relay_service_pb2_grpc.RelayServiceStub(channel).Deliver(delivery(click()), timeout=30)
    error = from_rpc_error(caught.value)
    assert error is not None
    assert (error.reason, error.retry_after_seconds) == (Reason.STORE_DOWN, 1)
    outage.start()
    await eventually(lambda: reason(channel, business), lambda seen: seen is None)
    assert tracking._upkeep is not None
    assert not tracking._upkeep.done()


async def test_a_kill_loses_nothing_acknowledged(channel: aio.Channel, business: str, outage: ServerProcess) -> None:
    """What was accepted before is a duplicate afterwards."""
    sent = submission(event(), key="k", business_id=business)
    (first,) = await track(Stub(channel), sent)
    assert first.status == ACCEPTED
    outage.kill()
    outage.start()
    await eventually(lambda: reason(channel, business), lambda seen: seen is None)
    (again,) = await track(Stub(channel), sent)
    assert again.id == first.id
    assert again.status != ACCEPTED
