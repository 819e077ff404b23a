"""Reports: how soon a click is in one, and what one costs when there are many."""

import asyncio
import statistics
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvloop
from grpc import aio

from benchmarks.chain import Chain
from benchmarks.load import USER_AGENT
from benchmarks.results import Results, spread
from benchmarks.steady import steady_command
from cli.calls import channel_to
from cli.demo_business import BUSINESS
from clicktrail.tracking.v1 import (
    click_pb2,
    relay_service_pb2,
    relay_service_pb2_grpc,
    report_service_pb2,
    report_service_pb2_grpc,
)
from common.clock import now, to_timestamp
from common.ids import new_nonce, session_from_nonce, uuid7

_SECONDS = 30.0
_LOOK_SECONDS = 0.005
_REPORTS = 50
_A_DELIVERY = 2_000
_AT_ONCE = 3
_RECIPIENTS = 100_000


def measure_freshness(folder: Path, chain: Chain, rate: float, seconds: float, results: Results) -> None:
    """Click links of their own, one after the other, under load at a rate, and time each until its report has it."""
    (path,) = chain.make_links("freshness", 1)
    command = steady_command(folder, chain.ready.http, chain.paths, rate, seconds)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as load:  # noqa: S603  (h2load)
        taken = uvloop.run(_click_and_look(chain, path, seconds * 0.9))
        load.wait()
    results.figures["click_to_report_p99_s"] = statistics.quantiles(taken, n=100)[98]
    results.detail["click_to_report_p99_s"] = {"clicks": len(taken), "seconds": spread(taken)}


def measure_sizes(chain: Chain, larger: int, smaller: int, results: Results) -> None:
    """Deliver two campaigns of clicks, and time the report of each."""
    uvloop.run(_measure_sizes(chain.ready.tracking, larger, smaller, results))


async def _click_and_look(chain: Chain, path: str, seconds: float) -> list[float]:
    taken: list[float] = []
    until = time.perf_counter() + seconds
    async with channel_to(chain.ready.tracking) as channel:
        reports = report_service_pb2_grpc.ReportServiceStub(channel)
        while time.perf_counter() < until:
            await _click(chain.ready.http, path)
            begun = time.perf_counter()
            while await _clicks(reports, "freshness") <= len(taken):
                if time.perf_counter() > begun + _SECONDS:
                    raise RuntimeError("A click has not come into its report.")
                await asyncio.sleep(_LOOK_SECONDS)
            taken.append(time.perf_counter() - begun)
    return taken


async def _click(url: str, path: str) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: {USER_AGENT}\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()
    if b" 302 " not in answer:
        raise RuntimeError(f"{url}{path} answered {answer.decode()}")


async def _clicks(reports: report_service_pb2_grpc.ReportServiceStub, campaign: str) -> int:
    request = report_service_pb2.GetReportRequest(business_id=BUSINESS, campaign=campaign)
    answer = await reports.GetReport(request, timeout=_SECONDS, wait_for_ready=True)
    return answer.report.totals.clicks


async def _measure_sizes(address: str, larger: int, smaller: int, results: Results) -> None:
    async with channel_to(address) as channel:
        milliseconds = [
            await _time_report(channel, name, size) for name, size in (("large", larger), ("small", smaller))
        ]
    results.figures["report_ms_10m"] = milliseconds[0]
    results.figures["report_ratio_10m_100k"] = milliseconds[0] / milliseconds[1]
    results.detail["reports"] = {"clicks": [larger, smaller], "milliseconds": milliseconds}


async def _time_report(channel: aio.Channel, campaign: str, size: int) -> float:
    """Deliver so many clicks of a campaign as the relay does, and return the median time of its report."""
    stub = relay_service_pb2_grpc.RelayServiceStub(channel)
    starts = iter(range(0, size, _A_DELIVERY))

    async def deliver() -> None:
        for start in starts:
            clicks = [_click_of(campaign, number) for number in range(start, min(size, start + _A_DELIVERY))]
            await stub.Deliver(relay_service_pb2.DeliverRequest(clicks=clicks), timeout=_SECONDS, wait_for_ready=True)

    await asyncio.gather(*(deliver() for _ in range(_AT_ONCE)))
    reports = report_service_pb2_grpc.ReportServiceStub(channel)
    if await _clicks(reports, campaign) != size:
        raise RuntimeError(f"The report of {campaign} does not have {size:,} clicks.")
    taken: list[float] = []
    for _ in range(_REPORTS):
        begun = time.perf_counter()
        await _clicks(reports, campaign)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def _click_of(campaign: str, number: int) -> click_pb2.Click:
    at = now()
    nonce = new_nonce()
    recipient = number % _RECIPIENTS
    return click_pb2.Click(
        business_id=BUSINESS,
        id=uuid7(at, nonce[40:50]).bytes,
        clicked_at=to_timestamp(at),
        link=f"{campaign}{recipient}",
        template=campaign,
        campaign=campaign,
        profile=f"{campaign}-{recipient}",
        link_created_at=to_timestamp(at),
        session=session_from_nonce(nonce),
        verdict=click_pb2.VERDICT_HUMAN,
        verdict_reason="no rule against it",
        rules_version=1,
        host="localhost",
        address="203.0.113.7",
        user_agent=USER_AGENT,
        source="link",
    )
