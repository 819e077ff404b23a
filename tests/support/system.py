"""One whole system, brought up as an operator would, for all tests that go through every process."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.addresses import security_with
from cli.embedded.ports import free_port
from cli.embedded.privileges import dying_with_us
from clicktrail.common.v1.access_pb2 import ROLE_OPERATOR
from common.rpc.keys import file_of
from common.rpc.security import Security
from tests.support.memory import folder_in_memory
from tests.support.name_server import NameServer, name_server

START_SECONDS = 300
STOP_SECONDS = 120
CLIENT_SECONDS = 120
# So that a busy machine makes no refusal.
PATIENT = {"CLICKTRAIL_REDIRECT_SECONDS": "60", "CLICKTRAIL_CALL_SECONDS": "60"}
ABUSE_ADDRESS = "mailto:abuse@example.com?subject=A+link"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
# Made once: a client makes one of its own otherwise, which costs more than all that is asked over plain HTTP.
TLS = ssl.create_default_context()


@dataclass(frozen=True)
class System:
    """A running system, as `ready.json` describes it."""

    http: str
    shortener: str
    tracking: str
    business: str
    token: str
    links: list[dict[str, str]]
    keys: Path
    names: NameServer
    """Where its shortener asks for the proof of a domain."""

    @property
    def operator(self) -> Security:
        """What operators call its services with."""
        return security_with(self.operator_key)

    @property
    def operator_key(self) -> Path:
        """The file with the operator's key."""
        return file_of(self.keys, ROLE_OPERATOR)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run `clicktrail up` on a free port, with a space in its path, and stop it with SIGTERM."""
    with folder_in_memory(tmp_path_factory.mktemp("trail")) as folder, name_server() as names:
        yield from _running(folder / "the data", names)


def _running(data_dir: Path, names: NameServer) -> Iterator[System]:
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(data_dir), "--http-port", str(free_port())]
    # A run that is broken off leaves no system behind.
    command = dying_with_us(command, "TERM")
    settings = PATIENT | {"CLICKTRAIL_ABUSE_ADDRESS": ABUSE_ADDRESS, "CLICKTRAIL_DNS_SERVERS": names.address}
    log = (data_dir.parent / "up.log").open("wb")
    process = subprocess.Popen(  # noqa: S603  (our own command)
        command, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        ready = _when_ready(process, data_dir / "ready.json", data_dir.parent / "up.log")
        yield System(**ready, keys=data_dir / "keys", names=names)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_SECONDS)
        log.close()
    assert code == 0


def _when_ready(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> dict[str, Any]:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if ready.exists():
            found: dict[str, Any] = json.loads(ready.read_text())
            return found
        time.sleep(0.1)
    pytest.fail(f"the system did not come up:\n{log.read_text()[-4000:]}")


@pytest.fixture
async def public(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client as pages have it: with the business's public id."""
    async with client_with(system, Authorization=f"Bearer {system.business}") as client:
        yield client


@pytest.fixture
async def private(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client as servers have it: with a private token."""
    async with client_with(system, Authorization=f"Bearer {system.token}") as client:
        yield client


@pytest.fixture
async def phone(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that looks like a person's phone and follows no redirect."""
    async with client_with(system, **{"User-Agent": PHONE}) as client:
        yield client


def client_with(system: System, *, address: str | None = None, **headers: str) -> httpx.AsyncClient:
    """Return a client of the gateway that sends these headers, from an address of the loopback range."""
    transport = httpx.AsyncHTTPTransport(verify=TLS, local_address=address)
    return httpx.AsyncClient(base_url=system.http, headers=headers, timeout=CLIENT_SECONDS, transport=transport)
