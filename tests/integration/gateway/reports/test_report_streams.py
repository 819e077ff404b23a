"""Reports as server-sent events: shared, lasting, and ended in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from clicktrail.tracking.v1.report_service_pb2 import GetReportRequest, WatchReportRequest
from common.errors import ClicktrailError, Reason, invalid_field
from gateway.reports import watch as watching
from gateway.reports.watch import Watches
from gateway.rpc.clients import connect
from tests.integration.gateway.conftest import CLIENT_SECONDS, GatewayProcess, running_gateway
from tests.support.gateway.answers import faults_of
from tests.support.gateway.peer import STORE_DOWN
from tests.support.gateway.peers import Peers
from tests.support.gateway.report_peers import REVOKED_SIGNATURE, SIGNATURE
from tests.support.system import TLS
from tests.support.waiting import eventually

STREAM = "/v1/campaigns/spring/report/stream"


class Listener:
    """Reads a stream, piece by piece."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()
        self.comments = 0

    async def clicks(self) -> int:
        """Return the clicks of the next report."""
        async for line in self.lines:
            self.comments += line.startswith(":")
            if line.startswith("data: "):
                found: int = json.loads(line.removeprefix("data: "))["totals"]["clicks"]
                return found
        raise EOFError


@asynccontextmanager
async def listening(client: httpx.AsyncClient, **query: str) -> AsyncIterator[Listener]:
    """Listen to the stream of a campaign."""
    async with client.stream("GET", STREAM, params=query) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Listener(response)


async def until_watched_by(peers: Peers, count: int) -> None:
    """Wait until so many calls watch reports."""

    async def look() -> int:
        return peers.reports.watching

    await eventually(look, lambda seen: seen == count)


def watched(peers: Peers) -> list[Any]:
    """Return the calls that watched a report."""
    return [request for request in peers.reports.requests if isinstance(request, WatchReportRequest)]


async def test_many_browsers_share_one_call(server: httpx.AsyncClient, web: httpx.AsyncClient, peers: Peers) -> None:
    """Each hears of every change; once the last has gone, nothing is watched any more."""
    async with listening(server) as first, listening(web, signature=SIGNATURE) as second:
        clicks = await first.clicks()
        assert await second.clicks() == clicks
        peers.reports.change()
        assert (await first.clicks(), await second.clicks()) == (clicks + 1, clicks + 1)
        assert len(watched(peers)) == 1
    await until_watched_by(peers, 0)


async def test_another_range_is_another_report(server: httpx.AsyncClient, peers: Peers) -> None:
    """What is asked for reaches tracking, the signature does not."""
    async with listening(server) as one, listening(server, timezone="Asia/Kolkata", signature="x") as other:
        await one.clicks()
        await other.clicks()
        assert len(watched(peers)) == 2
    asked = watched(peers)[-1].report
    assert (asked.business_id, asked.campaign, asked.timezone) == ("shop", "spring", "Asia/Kolkata")


async def test_a_break_of_tracking_is_not_noticed(server: httpx.AsyncClient, peers: Peers) -> None:
    """The report is watched again, and what has changed meanwhile is told."""
    async with listening(server) as listener:
        clicks = await listener.clicks()
        peers.reports.failures.append(STORE_DOWN)
        peers.reports.change()
        assert await listener.clicks() == clicks + 1


async def test_silence_is_filled_and_a_revoked_link_ends(web: httpx.AsyncClient, peers: Peers) -> None:
    """A comment now and then keeps the connection; with it the link is looked at again."""
    async with listening(web, signature=REVOKED_SIGNATURE) as listener:
        await listener.clicks()
        peers.report_pages.is_revoked = True
        with pytest.raises(EOFError):
            await listener.clicks()
    await until_watched_by(peers, 0)


async def test_what_is_wrong_is_told_before_anything_is_sent(
    server: httpx.AsyncClient, web: httpx.AsyncClient, peers: Peers
) -> None:
    """With the status and form of any other route."""
    peers.reports.failures.append(invalid_field("timezone", "No such zone."))
    refused = await server.get(STREAM, params={"timezone": "Mars/Olympus"})
    assert (refused.status_code, faults_of(refused)) == (422, [("invalid", "timezone")])
    wrong = await server.get(STREAM, params={"interval": "minute"})
    assert (wrong.status_code, faults_of(wrong)) == (422, [("invalid", "interval")])
    for signature in ("", "forged", "x" * 300, SIGNATURE + "x"):
        assert (await web.get(STREAM, params={"signature": signature})).status_code == 401
    assert (await web.get(STREAM)).status_code == 401


async def test_streams_end_with_the_gateway(peers: Peers, tmp_path: Path) -> None:
    """They do not hold it up, and they end as a stream should."""
    async with running_gateway(peers.environment, tmp_path / "log") as gateway:
        await stopped_while_listening(gateway)


async def stopped_while_listening(gateway: GatewayProcess) -> None:
    """Stop a gateway in the middle of a stream."""
    async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, verify=TLS) as client:
        async with listening(client, signature=SIGNATURE) as listener:
            await listener.clicks()
            code = asyncio.create_task(asyncio.to_thread(gateway.stop))
            with pytest.raises(EOFError):
                await listener.clicks()
        assert await code == 0


async def test_watchers_are_bounded(peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the next is told to come again; who leaves makes room."""
    monkeypatch.setattr(watching, "WATCHERS_LIMIT", 1)
    environment = peers.environment
    services = connect(environment["CLICKTRAIL_SHORTENER_TARGET"], environment["CLICKTRAIL_TRACKING_TARGET"], 5.0)
    watches = Watches(services)
    request = GetReportRequest(business_id="shop", campaign="spring")
    async with aclosing(watches.reports(request, 1.0)) as reports:
        assert await anext(reports) is not None
        assert watches.current(request) is not None
        with pytest.raises(ClicktrailError) as refused:
            await anext(watches.reports(request, 1.0))
        assert refused.value.reason is Reason.OVERLOADED
    async with aclosing(watches.reports(request, 1.0)) as reports:
        assert await anext(reports) is not None
    assert watches.current(request) is None
    watches.close()
    await services.close()
    await until_watched_by(peers, 0)


def tasks_but_of_grpc() -> set["asyncio.Task[Any]"]:
    """Return all tasks but those of gRPC, whose servers here make and end some all the time."""
    codes = {task: getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()}
    return {task for task, code in codes.items() if code is not None and "/grpc/" not in code.co_filename}


async def test_a_watcher_that_goes_leaves_no_task_behind(peers: Peers) -> None:
    """However it goes: what nothing refers to any more would be complained of in the log."""
    environment = peers.environment
    services = connect(environment["CLICKTRAIL_SHORTENER_TARGET"], environment["CLICKTRAIL_TRACKING_TARGET"], 5.0)
    watches = Watches(services)
    staying, leaving = (
        watches.reports(GetReportRequest(business_id="shop", campaign="spring"), 60.0) for _ in range(2)
    )
    for reports in (staying, leaving):
        assert await anext(reports) is not None
    before = tasks_but_of_grpc()
    for _ in range(3):
        waiting = asyncio.ensure_future(anext(leaving))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        waiting.cancel()
        await asyncio.wait([waiting])
        await leaving.aclose()
        leaving = watches.reports(GetReportRequest(business_id="shop", campaign="spring"), 60.0)
        assert await anext(leaving) is not None
    await asyncio.sleep(0)
    assert tasks_but_of_grpc() <= before
    await leaving.aclose()
    await staying.aclose()
    watches.close()
    await services.close()


async def test_of_one_business_the_newest_watchers_stay(peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of it come, those of others go on; the one that has watched for the longest ends by itself."""
    monkeypatch.setattr(watching, "WATCHERS_OF_BUSINESS", 2)
    environment = peers.environment
    services = connect(environment["CLICKTRAIL_SHORTENER_TARGET"], environment["CLICKTRAIL_TRACKING_TARGET"], 5.0)
    watches = Watches(services)
    request = GetReportRequest(business_id="shop", campaign="spring")
    other = watches.reports(GetReportRequest(business_id="other", campaign="spring"), 60.0)
    assert await anext(other) is not None
    own = [watches.reports(request, 60.0) for _ in range(5)]
    for one in own:
        assert await anext(one) is not None
    for ended in own[:3]:
        with pytest.raises(StopAsyncIteration):
            await anext(ended)
    waiting = [asyncio.ensure_future(anext(one)) for one in (*own[3:], other)]
    done, _ = await asyncio.wait(waiting, timeout=0.2)
    assert not done
    watches.close()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.gather(*(one.aclose() for one in (*own, other)))
    await services.close()
