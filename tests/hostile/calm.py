"""Two tenants who work: their shops' visitors click, send events and order."""

import asyncio
import json
import secrets
from collections import Counter, defaultdict
from statistics import median
from typing import NamedTuple

from tests.hostile.client import Client, get, post
from tests.support.tenants import Tenant

PAUSE_SECONDS = 0.05
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


class Worker(NamedTuple):
    """A tenant who works, and the address that its visitors and servers have."""

    tenant: Tenant
    address: str


class Times:
    """How long each kind of request took, and what was refused."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.refused: Counter[tuple[str, int]] = Counter()

    def median_ms(self, kind: str) -> float:
        """Return the median of a kind, in milliseconds."""
        return 1_000 * median(self.seconds[kind])

    def p99_ms(self, kind: str) -> float:
        """Return the 99th percentile of a kind, in milliseconds."""
        ordered = sorted(self.seconds[kind])
        return 1_000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


KINDS = {"redirect": 302, "event": 200, "order": 200, "report": 200}
"""What tenants ask for, and how it is answered."""


async def work(port: int, workers: list[Worker], seconds: float) -> Times:
    """Let the tenants work for so long, and return how it went."""
    times = Times()
    until = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(_work(port, worker, kind, times, until) for worker in workers for kind in KINDS))
    return times


async def _work(port: int, worker: Worker, kind: str, times: Times, until: float) -> None:
    loop = asyncio.get_running_loop()
    async with Client(port, worker.address) as client:
        while loop.time() < until:
            answer = await client.ask(_request(worker.tenant, kind))
            times.seconds[kind].append(answer.seconds)
            if answer.status != KINDS[kind]:
                times.refused[kind, answer.status] += 1
            await asyncio.sleep(PAUSE_SECONDS)


def _request(tenant: Tenant, kind: str) -> bytes:
    match kind:
        case "redirect":
            return get(tenant.path, user_agent=PHONE)
        case "report":
            return get("/v1/report", authorization=f"Bearer {tenant.token}")
        case "event":
            event = {"action": "page.viewed", "session": secrets.token_hex(8)}
            return post("/v1/track/events", json.dumps(event).encode(), authorization=f"Bearer {tenant.business}")
    order = {
        "action": "order.placed",
        "session": secrets.token_hex(8),
        "amount": "10.00",
        "object_parameters": {"reference": secrets.token_hex(8)},
    }
    # By the shop's server: both tenants' visitors share one address here, and pages' orders are counted by address.
    return post("/v1/attribution/events", json.dumps(order).encode(), authorization=f"Bearer {tenant.token}")
