"""Reports: how soon a click is in one."""

import asyncio
import statistics
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from benchmarks.contenders.chain import Chain
from benchmarks.loads.load import USER_AGENT
from benchmarks.loads.steady import steady_command
from benchmarks.results import Results, spread
from cli.calls import channel_to
from cli.stack.demo_business import BUSINESS
from clicktrail.tracking.v1 import report_service_pb2, report_service_pb2_grpc

_SECONDS = 30.0
_LOOK_SECONDS = 0.005


def measure_freshness(folder: Path, chain: Chain, rate: float, seconds: float, results: Results) -> None:
    """Click links of their own, one after the other, under load at a rate, and time each until its report has it."""
    (path,) = chain.make_links("freshness", 1)
    command = steady_command(folder, chain.ready.http, chain.paths, rate, seconds)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as load:  # noqa: S603  (h2load)
        taken = uvloop.run(_click_and_look(chain, path, seconds * 0.9))
        load.wait()
    results.figures["click_to_report_p99_s"] = statistics.quantiles(taken, n=100)[98]
    results.detail["click_to_report_p99_s"] = {"clicks": len(taken), "seconds": spread(taken)}


async def _click_and_look(chain: Chain, path: str, seconds: float) -> list[float]:
    taken: list[float] = []
    until = time.perf_counter() + seconds
    async with channel_to(chain.stack.tracking_endpoint) as channel:
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
