"""The real system as processes, with a proxy on each way between them, and somebody who starts again what has died."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from cli.calls import channel_to
from cli.data_directory import DataDirectory
from cli.embedded.server_process import ServerProcess
from cli.stack.stack import Front, Stack
from clicktrail.tracking.v1 import account_service_pb2 as accounts
from clicktrail.tracking.v1.account_service_pb2_grpc import AccountServiceStub
from tests.support.proxy import Proxy, any_reply, commit_reply, grpc_reply
from tests.support.waiting import eventually

LOOK_SECONDS = 0.1
READY_SECONDS = 180.0
CALL_SECONDS = 120
# What a killed shortener had read from the outbox is taken over soon, so that the end is not waited for.
CLAIM_SECONDS = 3
WAYS = ("http", "redirects", "intake", "redis", "relay", "postgres")


@dataclass(frozen=True, slots=True)
class Business:
    """Whose clicks and events these are."""

    id: str
    token: str


class ProxiedStack(Stack):
    """The stack of `clicktrail up`, each process told the address of a proxy in place of what it calls."""

    def __init__(self, data: DataDirectory) -> None:
        self.proxies = {
            "http": Proxy(lambda: self.gateway.port, any_reply),
            "redirects": Proxy(lambda: self.shortener.port, grpc_reply),
            "intake": Proxy(lambda: self.tracking.port, grpc_reply),
            "redis": Proxy(lambda: self.redis.port, any_reply),
            "relay": Proxy(lambda: self.tracking.port, grpc_reply),
            "postgres": Proxy(lambda: self.postgres.port, commit_reply),
        }
        self.spool_limit_bytes: int | None = None
        super().__init__(data, Front(public_url=f"http://127.0.0.1:{self.proxies['http'].port}"))

    def start_all(self) -> None:
        """Start everything and migrate; nothing is seeded."""
        for store in (self.redis, self.postgres):
            store.start()
        self._migrate()
        for service in (self.tracking, self.shortener, self.gateway):
            service.start()

    def _tracking_settings(self, port: int) -> dict[str, str]:
        changed = {"POSTGRES_URL": self._through("postgres", self.postgres, self.postgres_url)}
        if self.spool_limit_bytes is not None:
            changed["SPOOL_LIMIT_BYTES"] = str(self.spool_limit_bytes)
        return super()._tracking_settings(port) | changed

    def _shortener_settings(self, port: int) -> dict[str, str]:
        changed = {
            "REDIS_URL": self._through("redis", self.redis),
            "TRACKING_TARGET": self._target("relay"),
            "RELAY_CLAIM_SECONDS": str(CLAIM_SECONDS),
        }
        return super()._shortener_settings(port) | changed

    def gateway_settings(self, port: int) -> dict[str, str]:
        """Return the settings of the gateway before the proxies."""
        changed = {
            "SHORTENER_TARGET": self._target("redirects"),
            "TRACKING_TARGET": self._target("intake"),
            # One client asks for as much as thousands do.
            "RATE_LIMITS": "false",
        }
        return super().gateway_settings(port) | changed

    def _target(self, way: str) -> str:
        return f"ipv4:127.0.0.1:{self.proxies[way].port}"

    def _through(self, way: str, server: ServerProcess, url: str | None = None) -> str:
        return (url or server.url).replace(f":{server.port}/", f":{self.proxies[way].port}/")


class Chain:
    """The running system. What dies is started again at once, unless it is held down."""

    def __init__(self, folder: Path) -> None:
        data = DataDirectory(folder / "data")
        data.make()
        self.stack = ProxiedStack(data)
        self.logs = data.logs
        self.deaths: list[str] = []
        """Services that ended without having been killed."""
        self._killed: set[ServerProcess] = set()
        self._held: set[ServerProcess] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            for proxy in self.stack.proxies.values():
                await proxy.start()
            await asyncio.to_thread(self.stack.start_all)
        except BaseException:
            await self._stop()
            raise
        self._keeper = asyncio.create_task(self._keep_running())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._stop()

    def proxy(self, way: str) -> Proxy:
        """Return the proxy on a way: one of `WAYS`."""
        return self.stack.proxies[way]

    def server(self, name: str) -> ServerProcess:
        """Return a server by its part of the system, such as "redis" or "gateway"."""
        found: ServerProcess = getattr(self.stack, name)
        return found

    async def make_business(self) -> Business:
        """Return a new business with a private token."""
        business = accounts.Business(
            id=f"b-{uuid4().hex[:12]}", name="A shop", locale="en", country="UY", currency="USD"
        )
        async with channel_to(self.stack.tracking_endpoint) as channel:
            await channel.channel_ready()
            stub = AccountServiceStub(channel)
            await stub.CreateBusiness(accounts.CreateBusinessRequest(business=business), timeout=CALL_SECONDS)
            request = accounts.CreateTokenRequest(business_id=business.id, name="faults")
            created = await stub.CreateToken(request, timeout=CALL_SECONDS)
        return Business(business.id, created.token.token)

    async def kill(self, name: str) -> None:
        """End a server by SIGKILL; it is started again at once."""
        server = self.server(name)
        self._killed.add(server)
        await asyncio.to_thread(server.kill)

    @contextmanager
    def held_down(self, name: str) -> Iterator[None]:
        """Leave a server down for a while, once it is."""
        server = self.server(name)
        self._held.add(server)
        self._killed.add(server)
        try:
            yield
        finally:
            self._held.discard(server)

    async def stop(self, name: str) -> None:
        """Stop a server as an operator would."""
        await asyncio.to_thread(self.server(name).stop)

    async def freeze(self, name: str, seconds: float) -> None:
        """Stop the clock of a server's processes for a while: it neither answers nor goes away."""
        frozen = _family(self.server(name).pid)
        for pid in frozen:
            _signal(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid in frozen:
                _signal(pid, signal.SIGCONT)

    async def until_ready(self) -> None:
        """Wait until every server serves again."""

        async def waited_for() -> list[str]:
            ready = [await asyncio.to_thread(server.is_ready) for server in self.stack.servers]
            return [server.name for server, is_ready in zip(self.stack.servers, ready, strict=True) if not is_ready]

        await eventually(waited_for, lambda names: not names, limit_seconds=READY_SECONDS)

    async def _keep_running(self) -> None:
        while True:
            for server in self.stack.servers:
                if not server.is_running and server not in self._held:
                    self._note_death(server)
                    await asyncio.to_thread(server.spawn)
            await asyncio.sleep(LOOK_SECONDS)

    def _note_death(self, server: ServerProcess) -> None:
        # PostgreSQL does not start before the last process of the killed one has noticed; that is no fault of ours.
        if server not in self._killed and server is not self.stack.postgres:
            self.deaths.append(f"{server.name} ended by itself ({server.exit_code}):\n{server.log_tail()}")
        self._killed.discard(server)

    async def _stop(self) -> None:
        await asyncio.to_thread(self.stack.stop)
        for proxy in self.stack.proxies.values():
            await proxy.stop()


def _family(pid: int) -> list[int]:
    """Return a process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
