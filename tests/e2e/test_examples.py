"""The programs of `docs/examples`, run as they stand against the system."""

import asyncio
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import httpx
import pytest

from tests.e2e.businesses import make_business
from tests.e2e.conftest import System
from tests.support.system import CLIENT_SECONDS
from tests.support.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PROGRAMS = {"send_event.py": sys.executable, "send_event.mjs": "node", "send_event.php": "php"}


def run(name: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run an example with nothing else in its environment."""
    program = shutil.which(PROGRAMS[name])
    if program is None:
        # Where everything is to be run nothing may be left out.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"there is no {PROGRAMS[name]} on the PATH")
    environment["PATH"] = "/usr/bin:/bin"
    return subprocess.run(  # noqa: S603  (our own program)
        [program, str(EXAMPLES / name)], capture_output=True, text=True, env=environment, check=False, timeout=120
    )


class Hesitant(BaseHTTPRequestHandler):
    """Stands before a gateway: gives up, is busy, passes on and breaks off the answer, passes on."""

    gateway: ClassVar[str]
    attempts: ClassVar[list[int]]

    def do_POST(self) -> None:
        """Answer a request, or do not."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        attempt = len(self.attempts)
        self.attempts.append(attempt)
        if attempt < 2:
            # Proxies say it by a date, too.
            status, pause = ((408, "Wed, 21 Oct 2026 07:28:00 GMT"), (503, "1"))[attempt]
            self.send_response(status)
            self.send_header("Retry-After", pause)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        answer = httpx.post(self.gateway + self.path, content=body, headers=headers, timeout=CLIENT_SECONDS)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        half = len(answer.content) // 2 if attempt == 2 else None
        self.wfile.write(answer.content[:half])
        self.close_connection = half is not None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("name", PROGRAMS)
async def test_an_example_is_taken_once_however_it_went(system: System, name: str) -> None:
    """It comes through a 408, a 503 and half an answer, and the order is counted once."""
    business = await make_business(system)
    seen: list[int] = []

    class Handler(Hesitant):
        gateway = system.http
        attempts = seen

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        ran = await asyncio.to_thread(
            run, name, CLICKTRAIL_URL=f"http://127.0.0.1:{proxy.server_port}", CLICKTRAIL_TOKEN=business.token
        )
        proxy.shutdown()
    assert (ran.returncode, ran.stdout.split(" ")[0]) == (0, "received"), ran.stderr
    assert len(seen) == 4

    async def orders() -> int:
        async with httpx.AsyncClient(base_url=system.http, timeout=CLIENT_SECONDS) as client:
            answer = await client.get("/v1/report", headers={"Authorization": f"Bearer {business.token}"})
        return int(answer.json()["totals"]["conversions"])

    assert await eventually(orders, lambda found: found > 0) == 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_says_what_is_refused(system: System, name: str) -> None:
    """It does not try again what a fault of its own keeps from being taken."""
    ran = run(name, CLICKTRAIL_URL=system.http, CLICKTRAIL_TOKEN="wrong")
    assert ran.returncode != 0
    assert "401" in ran.stderr + ran.stdout or "credential" in ran.stderr + ran.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_says_what_it_was_not_given(name: str) -> None:
    """Without an address and a token it ends at once, and names what it needs."""
    ran = run(name)
    assert ran.returncode != 0
    assert "CLICKTRAIL_URL" in ran.stderr + ran.stdout
