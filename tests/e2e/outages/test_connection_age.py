"""Connections between the services that are replaced all the time, under everything that goes over them."""

import asyncio
import itertools
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from cli.embedded.server_process import ServerProcess
from clicktrail.shortener.v1 import link_pb2, link_service_pb2, link_service_pb2_grpc
from common.rpc.channels import open_channel
from tests.e2e.outages.test_restarts import Visitors
from tests.e2e.outages.visitors import assert_all_stored_once, click, make_link, post_event
from tests.support.killable import KillableSystem
from tests.support.waiting import eventually

AGE = {"CONNECTION_AGE_SECONDS": "0.4"}
CONNECTIONS = 8
SECONDS = 300.0
ESTABLISHED = "01"


class Ageing:
    """Another shortener, tracking and gateway on the same stores, whose connections age fast."""

    def __init__(self, chain: KillableSystem, spool: Path) -> None:
        shortener, tracking = dict(AGE), AGE | {"SPOOL_DIR": str(spool)}
        self.keys = chain.stack.shortener_endpoint.security
        self.shortener = chain.stack.another("shortener_service", "ageing-shortener", shortener)
        self.tracking = chain.stack.another("tracking_service", "ageing-tracking", tracking)
        targets = {"SHORTENER_TARGET": f"ipv4:{self.shortener.url}", "TRACKING_TARGET": f"ipv4:{self.tracking.url}"}
        shortener |= targets
        tracking |= targets
        self.gateway = chain.another_gateway("ageing-gateway", targets)
        self._seen: dict[int, set[str]] = {self.shortener.port: set(), self.tracking.port: set()}

    @property
    def servers(self) -> tuple[ServerProcess, ...]:
        """All three, in the order of starting."""
        return (self.tracking, self.shortener, self.gateway)

    def connections(self) -> int:
        """Return how many connections either service has been seen to have, at least."""
        # gRPC's sockets are of IPv6, whatever they are connected to.
        tables = (Path("/proc/net", name).read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
        for line in itertools.chain.from_iterable(tables):
            _, local, remote, state, *_ = line.split()
            seen = self._seen.get(int(remote.rpartition(":")[2], 16))
            if seen is not None and state == ESTABLISHED:
                seen.add(local)
        return min(map(len, self._seen.values()))

    def faults(self) -> list[str]:
        """Return what the logs say that is more than news of the start, or no line of ours."""
        lines = [line.strip() for server in self.servers for line in server.log_tail().splitlines()]
        return [line for line in lines if not _is_news(line)]


@contextmanager
def ageing(chain: KillableSystem, spool: Path) -> Iterator[Ageing]:
    """Run them."""
    system = Ageing(chain, spool)
    try:
        for server in system.servers:
            server.start()
        yield system
    finally:
        for server in reversed(system.servers):
            server.stop()


class Bulk:
    """One call that creates links for as long as it is let."""

    def __init__(self, system: Ageing, business: str) -> None:
        self._address = system.shortener.url
        self._security = system.keys
        self._business = business
        self._is_over = False
        self.created = 0
        self._task = asyncio.create_task(self._create())

    async def end(self) -> None:
        """Return when the last link is there; raise what went wrong."""
        self._is_over = True
        await self._task

    async def _create(self) -> None:
        async with open_channel(f"ipv4:{self._address}", self._security) as channel:
            stub = link_service_pb2_grpc.LinkServiceStub(channel)
            async for answer in stub.CreateLinks(self._requests(), timeout=SECONDS, wait_for_ready=True):
                assert all(result.link.code for result in answer.results)
                self.created += len(answer.results)

    async def _requests(self) -> AsyncIterator[link_service_pb2.CreateLinksRequest]:
        template = link_pb2.LinkTemplate(destination="https://shop.example.com/bulk", campaign=secrets.token_hex(6))
        while not self._is_over:
            recipients = [link_pb2.Recipient(profile=secrets.token_hex(6)) for _ in range(10)]
            yield link_service_pb2.CreateLinksRequest(
                business_id=self._business, template=template, recipients=recipients
            )
            await asyncio.sleep(0.05)


class Browser:
    """Watches the report of a campaign over one answer, which must not end."""

    def __init__(self, client: httpx.AsyncClient, campaign: str) -> None:
        self._client = client
        self._path = f"/v1/campaigns/{campaign}/report/stream"
        self._clicks = 0
        self._task = asyncio.create_task(self._watch())

    async def see(self, clicks: int) -> None:
        """Return when the report tells so many clicks; raise if the answer has ended."""

        async def seen() -> int:
            if self._task.done():
                self._task.result()
            return self._clicks

        await eventually(seen, clicks.__eq__)

    async def leave(self) -> None:
        """Go."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        async with self._client.stream("GET", self._path) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    self._clicks = json.loads(line.removeprefix("data: "))["totals"]["clicks"]
        raise EOFError("the report ended")


async def test_nobody_notices_that_connections_are_replaced(chain: KillableSystem, tmp_path: Path) -> None:
    """Clicks, events, a bulk creation that is one call and a report that is one answer go on, and nothing is lost."""
    link = await make_link(chain, campaign=f"c-{secrets.token_hex(6)}")
    with ageing(chain, tmp_path / "spool") as system:
        async with chain.server(system.gateway) as watching:
            browser = Browser(watching, link["campaign"])
            bulk = Bulk(system, chain.ready.business)
            clicking = Visitors(partial(click, chain, link, system.gateway))
            posting = Visitors(lambda: post_event(chain, secrets.token_hex(8), system.gateway))
            await eventually(partial(asyncio.to_thread, system.connections), CONNECTIONS.__le__, limit_seconds=SECONDS)
            await asyncio.gather(clicking.leave(), posting.leave(), bulk.end())
            assert Counter(answer.status_code for answer in clicking.answers) == {302: len(clicking.answers)}
            assert Counter(answer.status_code for answer in posting.answers) == {200: len(posting.answers)}
            # The link was clicked once before.
            await browser.see(len(clicking.answers) + 1)
            await browser.leave()
        await assert_all_stored_once(chain, clicking.answers, posting.answers)
        assert bulk.created
        assert system.faults() == []


def _is_news(line: str) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return entry["level"] == "info" and "broke off" not in entry["event"]
