"""The gateway as a process: starting, stopping, its workers, its settings."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.integration.gateway.conftest import CLIENT_SECONDS, GatewayProcess, running_gateway
from tests.support.gateway.peer import BUSINESS, POISON, STORE_DOWN, TOKEN
from tests.support.gateway.peers import Peers
from tests.support.system import TLS
from tests.support.waiting import eventually


def workers_of(process_id: int) -> list[int]:
    """Return the workers that a gateway has started; Python's own helper beside them is none."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def client_of(gateway: GatewayProcess) -> httpx.AsyncClient:
    """Return a client of a gateway."""
    return httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, verify=TLS)


def is_running(process_id: int) -> bool:
    """Tell whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_sigterm_finishes_what_is_under_way(peers: Peers, tmp_path: Path) -> None:
    """A hit that waits for the shortener while the gateway stops is still answered."""
    async with running_gateway(peers.environment, tmp_path / "log") as gateway:
        peers.redirects.failures.extend([STORE_DOWN] * 8)
        async with httpx.AsyncClient(base_url=gateway.url, timeout=CLIENT_SECONDS, verify=TLS) as client:
            waiting = asyncio.create_task(client.get("/abc"))

            async def look() -> int:
                return len(peers.redirects.requests)

            await eventually(look, lambda seen: seen > 0)
            code = await asyncio.to_thread(gateway.stop)
            assert (await waiting).status_code == 302
        assert code == 0


async def test_a_worker_that_dies_is_started_again(peers: Peers, tmp_path: Path) -> None:
    """And none is left behind when the process that started them is killed."""
    environment = peers.environment | {"CLICKTRAIL_HTTP_WORKERS": "2"}
    log = tmp_path / "log"
    gateway = GatewayProcess(environment, log)
    await gateway.until_ready()
    first = workers_of(gateway.process.pid)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)

    async def workers() -> list[int]:
        return workers_of(gateway.process.pid)

    second = await eventually(workers, lambda seen: len(seen) == 2 and first[0] not in seen)
    await gateway.until_ready()
    gateway.stop(signal.SIGKILL)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert f"Child process [{first[0]}] died" in {line["event"] for line in lines}

    async def running() -> list[int]:
        return [worker for worker in second if is_running(worker)]

    await eventually(running, lambda seen: not seen)


async def test_ready_while_anything_can_be_served(peers: Peers, tmp_path: Path) -> None:
    """With one service away it stays ready and says which; events are taken, or links redirect."""
    async with running_gateway(peers.environment, tmp_path / "log") as gateway, client_of(gateway) as client:
        await peers.shortener.stop(0)
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        away = await client.get("/readyz")
        assert away.status_code == 200
        assert away.json() == {"status": "degraded", "shortener": "unavailable", "tracking": "ok"}
        peers.shortener = await peers.restart_shortener()
        await eventually(lambda: client.get("/readyz"), lambda seen: bool(seen.json()["status"] == "ok"))


async def test_not_ready_before_both_services_have_served(peers: Peers, tmp_path: Path) -> None:
    """A gateway that starts without one of them is healthy, and takes no requests yet."""
    await peers.shortener.stop(0)
    gateway = GatewayProcess(peers.environment, tmp_path / "log")
    try:
        async with client_of(gateway) as client:
            await gateway.until_healthy()
            assert (await client.get("/readyz")).status_code == 503
            peers.shortener = await peers.restart_shortener()
            await gateway.until_ready()
    finally:
        gateway.stop()


async def test_a_revoked_token_is_soon_refused(server: httpx.AsyncClient, peers: Peers) -> None:
    """A judgement is remembered for a moment, and asked for once by many."""
    await asyncio.gather(*(server.get("/v1/links/abc") for _ in range(20)))
    assert len(peers.accounts.requests) <= 1
    peers.accounts.revoked.add(TOKEN)

    async def look() -> int:
        return (await server.get("/v1/links/abc")).status_code

    try:
        await eventually(look, lambda status: status == 401)
    finally:
        peers.accounts.revoked.clear()
    await eventually(look, lambda status: status == 200)


async def test_a_full_queue_is_503_at_once(peers: Peers, tmp_path: Path) -> None:
    """With when to come again."""
    limits = {"CLICKTRAIL_QUEUE_LIMIT": "1", "CLICKTRAIL_REDIRECT_FLIGHTS_IN_AIR": "1", "CLICKTRAIL_FLIGHT_SIZE": "1"}
    async with running_gateway(peers.environment | limits, tmp_path / "log") as gateway, client_of(gateway) as client:
        peers.redirects.failures.extend([STORE_DOWN] * 6)
        responses = await asyncio.gather(*(client.get("/abc") for _ in range(6)))
    assert {response.status_code for response in responses} == {302, 503}
    assert all("retry-after" in response.headers for response in responses if response.status_code == 503)


def test_every_wrong_setting_is_named() -> None:
    """At once, and without its value."""
    wrong = {"CLICKTRAIL_HTTP_LISTEN": "nowhere", "CLICKTRAIL_QUEUE_LIMIT": "0", "CLICKTRAIL_FLIGHT_SIZE": "many"}
    done = subprocess.run(
        [sys.executable, "-m", "gateway"], env=os.environ | wrong, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for name in wrong:
        assert name in done.stderr


async def test_logs_show_no_query_and_no_credential(server: httpx.AsyncClient, gateway_log: Path) -> None:
    """Not even of a request that fails by our fault, and is logged with its id."""
    answer = await server.get(f"/{POISON}?qr=1", headers={"Accept": "application/json"})
    assert answer.status_code == 500
    text = gateway_log.read_text()  # noqa: ASYNC240  (a small file)
    assert answer.json()["errors"][0]["description"].rpartition(" ")[2].rstrip(".") in text
    assert "qr=1" not in text
    assert TOKEN not in text
    assert f"Bearer {BUSINESS}" not in text
