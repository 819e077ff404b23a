"""A gateway in processes of its own, before small services that record what they got."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cli.embedded.ports import free_port
from cli.embedded.privileges import dying_with_us
from tests.support.gateway.peer import BUSINESS, TOKEN
from tests.support.gateway.peers import Peers
from tests.support.system import TLS
from tests.support.waiting import eventually

STOP_SECONDS = 60
CLIENT_SECONDS = 120
# So that a busy machine makes no refusal; and the opposite, for what is refused at its deadline.
PATIENT = {"CLICKTRAIL_REDIRECT_SECONDS": "60", "CLICKTRAIL_CALL_SECONDS": "60"}
HASTY = {"CLICKTRAIL_REDIRECT_SECONDS": "0.5", "CLICKTRAIL_CALL_SECONDS": "0.5"}


class GatewayProcess:
    """A running gateway."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._log = log.open("ab")
        settings = {"CLICKTRAIL_HTTP_LISTEN": self.address, "CLICKTRAIL_LOG_FORMAT": "json"}
        self.process = subprocess.Popen(  # noqa: S603  (our own command)
            dying_with_us([sys.executable, "-m", "gateway"], "KILL"),
            env=os.environ | PATIENT | settings | environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    async def until_ready(self) -> None:
        """Wait until it serves, services included."""
        await self._until_well("/readyz")

    async def until_healthy(self) -> None:
        """Wait until it serves, whatever is behind it."""
        await self._until_well("/healthz")

    async def _until_well(self, path: str) -> None:
        async def look() -> int:
            assert self.process.poll() is None, "the gateway has ended"
            try:
                async with httpx.AsyncClient(verify=TLS) as client:
                    return (await client.get(f"{self.url}{path}")).status_code
            except httpx.TransportError:
                return 0

        await eventually(look, lambda status: status == 200)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(with_signal)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended and return its exit code."""
        code = self.process.wait(STOP_SECONDS)
        self._log.close()
        return code


@asynccontextmanager
async def running_gateway(environment: dict[str, str], log: Path) -> AsyncIterator[GatewayProcess]:
    """Run a gateway with these settings, and stop it with SIGTERM."""
    gateway = GatewayProcess(environment, log)
    try:
        await gateway.until_ready()
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.stop()


@pytest_asyncio.fixture(scope="session")
async def all_peers() -> AsyncIterator[Peers]:
    """Run the services behind the gateway for the whole session."""
    peers = Peers()
    await peers.start()
    yield peers
    await peers.stop()


@pytest_asyncio.fixture(scope="session")
async def gateway_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the gateway logs to."""
    return tmp_path_factory.mktemp("gateway") / "log"


@pytest_asyncio.fixture(scope="session")
async def gateway(all_peers: Peers, gateway_log: Path) -> AsyncIterator[GatewayProcess]:
    """Run a gateway for the whole session."""
    async with running_gateway(all_peers.environment, gateway_log) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="session")
async def hasty_gateway(all_peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    """Run a gateway that refuses after half a second what it cannot do."""
    log = tmp_path_factory.mktemp("hasty") / "log"
    async with running_gateway(all_peers.environment | HASTY, log) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def hasty(hasty_gateway: GatewayProcess, peers: Peers) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of that gateway, with the public id of the shop."""
    assert peers
    headers = {"Authorization": f"Bearer {BUSINESS}"}
    async with httpx.AsyncClient(
        base_url=hasty_gateway.url, timeout=CLIENT_SECONDS, headers=headers, verify=TLS
    ) as client:
        yield client


@pytest.fixture
def peers(all_peers: Peers) -> Peers:
    """Return the services behind the gateway, with nothing recorded."""
    all_peers.reset()
    return all_peers


@pytest_asyncio.fixture
async def web(gateway: GatewayProcess, peers: Peers) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client without a credential."""
    assert peers
    async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, verify=TLS) as client:
        yield client


@pytest_asyncio.fixture
async def page(gateway: GatewayProcess, peers: Peers) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with the public id of the shop."""
    assert peers
    headers = {"Authorization": f"Bearer {BUSINESS}"}
    async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, headers=headers, verify=TLS) as client:
        yield client


@pytest_asyncio.fixture
async def server(gateway: GatewayProcess, peers: Peers) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with the private token of the shop."""
    assert peers
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, headers=headers, verify=TLS) as client:
        yield client
