"""One run: all senders at once, with canaries beside them, and what was found."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from grpc import StatusCode, aio

from clicktrail.shortener.v1 import (
    domain_service_pb2,
    link_service_pb2,
    redirect_service_pb2,
    session_service_pb2,
)
from clicktrail.tracking.v1 import (
    account_service_pb2,
    action_service_pb2,
    event_service_pb2,
    link_archive_service_pb2,
    profile_service_pb2,
    refused_request_service_pb2,
    relay_service_pb2,
    report_page_service_pb2,
    report_service_pb2,
)
from clicktrail.tracking.v1 import session_service_pb2 as tracking_sessions
from tests.fuzz import http, rpc
from tests.hostile.client import Client, get, post
from tests.support.tenants import Tenant, Tenants
from tests.support.waiting import eventually

SENDERS = 3
CANARY_SECONDS = 0.05
LONGEST_LOG_BYTES = 1_000_000
# Restoring is left out: it is for an empty store, and does nothing at this one.
SHORTENER = (domain_service_pb2, link_service_pb2, redirect_service_pb2, session_service_pb2)
TRACKING = (
    account_service_pb2, action_service_pb2, event_service_pb2, link_archive_service_pb2, profile_service_pb2,
    relay_service_pb2, refused_request_service_pb2, report_page_service_pb2, report_service_pb2, tracking_sessions,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What is random, and for how long."""

    seed: int
    seconds: float


@dataclass(slots=True)
class Found:
    """What came of a run."""

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def run(made: Tenants, plan: Plan) -> Found:
    """Send for as long as the plan says, and return what was found."""
    tenant = await asyncio.to_thread(made.another)
    calm = await asyncio.to_thread(made.another)
    until = asyncio.get_running_loop().time() + plan.seconds
    requests = http.seeds(tenant.business, tenant.token, tenant.path)
    async with made.channel(made.ready.shortener) as shortener, made.channel(made.ready.tracking) as tracking:
        senders = [http.fuzz(made.port, requests, _chance(plan, number), until) for number in range(SENDERS)]
        callers = [
            rpc.fuzz(channel, rpc.methods_of(*files), _chance(plan, 100 + number), until)
            for number, (channel, files) in enumerate(((shortener, SHORTENER), (tracking, TRACKING)))
        ]
        answers, calls, wrong = await asyncio.gather(
            asyncio.gather(*senders), asyncio.gather(*callers), _canaries(made.port, calm, until)
        )
        found = Found()
        _judge_answers(sum(answers, Counter[int]()), found)
        _judge_calls(sum(calls, Counter[tuple[str, StatusCode]]()), found)
        found.lines.append(f"well-formed requests beside them: {wrong.total():,}")
        found.faults += [f"a well-formed {kind} was answered {status}" for kind, status in wrong if kind]
        await _judge_services(made, (shortener, tracking), found)
    return found


def _chance(plan: Plan, number: int) -> random.Random:
    return random.Random(plan.seed * 1_000 + number)  # noqa: S311  (to be had again)


async def _canaries(port: int, tenant: Tenant, until: float) -> Counter[tuple[str, int]]:
    """Send what is well-formed; return how often all was well under ("", 0), and what was not."""
    seen: Counter[tuple[str, int]] = Counter()
    event = b'{"action":"page.viewed","session":"a-calm-visitor"}'
    requests = {
        "event": (post("/v1/track/events", event, authorization=f"Bearer {tenant.business}"), 200),
        "hit": (get(tenant.path, user_agent="Mozilla/5.0 (iPhone) Mobile"), 302),
        "report": (get("/v1/report", authorization=f"Bearer {tenant.token}"), 200),
        "unknown": (get("/v1/nothing"), 404),
    }
    async with Client(port, "127.0.0.72") as client:
        while asyncio.get_running_loop().time() < until:
            for kind, (request, expected) in requests.items():
                status = (await client.ask(request)).status
                seen[("", 0) if status == expected else (kind, status)] += 1
            await asyncio.sleep(CANARY_SECONDS)
    return seen


def _judge_answers(answers: Counter[int], found: Found) -> None:
    told = ", ".join(f"{status or 'none'}: {count:,}" for status, count in sorted(answers.items()))
    found.lines.append(f"answers over HTTP: {told}")
    found.faults += [f"{answers[500]:,} answers 500"] if answers[500] else []


def _judge_calls(calls: Counter[tuple[str, StatusCode]], found: Found) -> None:
    codes: Counter[str] = Counter()
    for (method, code), count in calls.items():
        codes[code.name] += count
        if code in rpc.FAULTS:
            found.faults.append(f"{method} answered {code.name} {count} times")
    found.lines.append("calls over gRPC: " + ", ".join(f"{code}: {count:,}" for code, count in sorted(codes.items())))


async def _judge_services(made: Tenants, channels: tuple[aio.Channel, ...], found: Found) -> None:
    """Look whether all are still there, and how much they have written."""

    async def are_ready() -> bool:
        async with Client(made.port, "127.0.0.72") as client:
            return (await client.ask(get("/readyz"))).status == 200

    await eventually(are_ready, bool)
    del channels
    for log in sorted((made.data / "logs").glob("*.log")):
        size = log.stat().st_size
        found.lines.append(f"{log.name}: {size:,} bytes")
        if size > LONGEST_LOG_BYTES:
            found.faults.append(f"{log.name} has {size:,} bytes")
