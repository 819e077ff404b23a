"""What a gateway refuses is told to tracking, sooner or later."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx

from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PUBLIC
from clicktrail.tracking.v1.refused_request_service_pb2 import RecordRefusedRequestsRequest
from tests.integration.gateway.conftest import CLIENT_SECONDS, running_gateway
from tests.support.gateway.peer import BUSINESS, STORE_DOWN
from tests.support.gateway.peers import Peers
from tests.support.system import TLS
from tests.support.waiting import eventually

PAGE = {"Authorization": f"Bearer {BUSINESS}"}
BATCH = {"events": [{"action": "page.viewed", "session": "0123456789abcdef"}] * 1_000}


async def test_it_waits_until_tracking_can_be_told(peers: Peers, tmp_path: Path) -> None:
    """And is told whole, in the same words; also at the end of the gateway."""
    peers.accounts.rate_factor = 1.0
    peers.refused_requests.failures.extend([STORE_DOWN, STORE_DOWN])
    async with running_gateway(peers.environment, tmp_path / "log") as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, headers=PAGE, verify=TLS) as page:

            async def send() -> int:
                return (await page.post("/v1/track/events/batch", json=BATCH)).status_code

            seen = Counter([await send() for _ in range(6)])
            assert seen[429] > 0, seen

            async def told() -> list[RecordRefusedRequestsRequest]:
                return list(peers.refused_requests.requests)

            first, *others = await eventually(told, lambda requests: len(requests) >= 3)
            assert [(one.refused.kind, one.refused.credential) for one in first.counts] == [
                ("events", CREDENTIAL_PUBLIC)
            ]
            assert first.counts[0].business_id == BUSINESS
            assert {request.gateway for request in others} == {first.gateway}
            assert sum_of(peers) == seen[429]
            seen.update([await send() for _ in range(6)])
        await asyncio.to_thread(gateway.stop)
    assert sum_of(peers) == seen[429]


def sum_of(peers: Peers) -> int:
    """Return how many requests are known to have been refused."""
    known = {
        one.quarter.seconds: one.refused.count for request in peers.refused_requests.requests for one in request.counts
    }
    return sum(known.values())
