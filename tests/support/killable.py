"""A whole system whose parts can be killed, frozen and started again, and whose tables can be looked into."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from cli.data_directory import DataDirectory, Ready
from cli.embedded.server_process import ServerProcess
from cli.stack.stack import Front, Stack
from tests.support.memory import folder_in_memory
from tests.support.system import PHONE, TLS
from tests.support.waiting import eventually

Part = Literal["redis", "postgres", "tracking", "shortener", "gateway"]
Way = Literal["killed", "frozen"]

# Long enough to start anything again on a busy machine; nothing waits so long where all is well.
PATIENT = {"REDIRECT_SECONDS": "60", "CALL_SECONDS": "60"}
CLIENT_SECONDS = 120


class KillableSystem:
    """The real chain of processes, with a second gateway whose calls wait up to a minute."""

    def __init__(self, folder: Path) -> None:
        self._data = DataDirectory(folder / "data")
        self._data.make()
        self.stack = Stack(self._data, Front())
        self.patient = self.another_gateway("patient", PATIENT)
        self.ready: Ready

    def start(self) -> None:
        """Start everything."""
        try:
            self.ready = self.stack.start(lambda _step: None)
            self.patient.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, whatever state it is in."""
        for server in self.servers:
            if server.is_running:
                _signal_all(server.pid, signal.SIGCONT)
        self.patient.stop()
        self.stack.stop()

    @property
    def servers(self) -> tuple[ServerProcess, ...]:
        """All processes, in the order of starting."""
        return (*self.stack.servers, self.patient)

    def part(self, name: Part) -> ServerProcess:
        """Return a part by its name."""
        server: ServerProcess = getattr(self.stack, name)
        return server

    def another_gateway(self, name: str, settings: dict[str, str]) -> ServerProcess:
        """Return a gateway of the same services with settings of its own, not started.

        It holds nobody to budgets: a few visitors of a test ask from one address for as much as they get answered.
        """
        return self.stack.another("gateway", name, {"RATE_LIMITS": "false"} | settings)

    @contextmanager
    def without(self, *parts: Part, way: Way = "killed") -> Iterator[None]:
        """Do without parts: killed as by a fault, or frozen, so that they take connections and never answer."""
        for name in parts:
            if way == "killed":
                self.part(name).kill()
            else:
                _signal_all(self.part(name).pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.bring_back()

    def bring_back(self) -> None:
        """Let all that is frozen run, and start all that has ended, in the order of starting."""
        for server in self.servers:
            if server.is_running:
                _signal_all(server.pid, signal.SIGCONT)
            else:
                server.spawn()

    async def heal(self) -> None:
        """Bring everything back, and return when it serves again; what ends meanwhile is started again, as by `up`."""

        async def not_ready() -> list[str]:
            self.bring_back()
            return [server.name for server in self.servers if not await asyncio.to_thread(server.is_ready)]

        await eventually(not_ready, lambda names: not names, limit_seconds=120)

    def client(self, gateway: ServerProcess | None = None, **headers: str) -> httpx.AsyncClient:
        """Return a client of a gateway that looks like a phone, follows nothing and repeats nothing."""
        return httpx.AsyncClient(
            base_url=(gateway or self.stack.gateway).url,
            headers={"User-Agent": PHONE, **headers},
            timeout=CLIENT_SECONDS,
            verify=TLS,
        )

    def page(self, gateway: ServerProcess | None = None) -> httpx.AsyncClient:
        """Return a client with the business's public id."""
        return self.client(gateway, Authorization=f"Bearer {self.ready.business}")

    def server(self, gateway: ServerProcess | None = None) -> httpx.AsyncClient:
        """Return a client with the business's private token."""
        return self.client(gateway, Authorization=f"Bearer {self.ready.token}")

    async def count(self, table: Literal["clicks", "events"], column: str, value: str) -> int:
        """Return how many rows of a table have this value, as PostgreSQL has it."""
        return (await self.counts(table, column, [value]))[value]

    async def counts(self, table: Literal["clicks", "events"], column: str, values: Sequence[str]) -> Counter[str]:
        """Return how many rows of a table have each of these values, as PostgreSQL has them."""
        connection = await asyncpg.connect(self.stack.postgres.url)
        try:
            found = await connection.fetch(
                f"SELECT {column}::text AS value, count(*) AS rows FROM {table}"  # noqa: S608  (our own names)
                f" WHERE {column}::text = ANY($1) GROUP BY 1",
                list(values),
            )
        finally:
            await connection.close()
        return Counter({row["value"]: row["rows"] for row in found})


@pytest.fixture(scope="session")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableSystem]:
    """Run a system that may be killed."""
    with folder_in_memory(tmp_path_factory.mktemp("killable")) as folder:
        system = KillableSystem(folder)
        system.start()
        yield system
        system.stop()


@pytest.fixture
async def chain(killable: KillableSystem) -> AsyncIterator[KillableSystem]:
    """Lend that system whole, and mend it afterwards."""
    await killable.heal()
    yield killable
    await killable.heal()


def session_in(response: httpx.Response) -> str:
    """Return the session in a redirect's location."""
    return parse_qs(urlsplit(response.headers["location"]).query)["hellotext_session"][0]


def _signal_all(process: int, number: signal.Signals) -> None:
    """Send a signal to a process and all below it: PostgreSQL's have process groups of their own."""
    try:
        os.kill(process, number)
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return
    for child in children:
        _signal_all(int(child), number)
