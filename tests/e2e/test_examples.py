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


def run(name: str, url: str, token: str) -> "subprocess.CompletedProcess[str]":
    """Run an example."""
    program = shutil.which(PROGRAMS[name])
    if program is None:
        # Where everything is to be run nothing may be left out.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"there is no {PROGRAMS[name]} on the PATH")
    environment = {"CLICKTRAIL_URL": url, "CLICKTRAIL_TOKEN": token, "PATH": "/usr/bin:/bin"}
    return subprocess.run(  # noqa: S603  (our own program)
        [program, str(EXAMPLES / name)], capture_output=True, text=True, env=environment, check=False, timeout=120
    )


class Hesitant(BaseHTTPRequestHandler):
    """Stands before a gateway: hangs up, is busy, passes on and loses the answer, passes on."""

    gateway: ClassVar[str]
    attempts: ClassVar[list[int]]

    def do_POST(self) -> None:
        """Answer a request, or do not."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        attempt = len(self.attempts)
        self.attempts.append(attempt)
        if attempt == 0:
            self.close_connection = True
            self.connection.close()
            return
        if attempt == 1:
            self.send_response(503)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        answer = httpx.post(self.gateway + self.path, content=body, headers=headers, timeout=CLIENT_SECONDS)
        if attempt == 2:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("name", PROGRAMS)
async def test_an_example_is_taken_once_however_it_went(system: System, name: str) -> None:
    """It comes through a closed connection, a 503 and a lost answer, and the order is counted once."""
    business = await make_business(system)
    seen: list[int] = []

    class Handler(Hesitant):
        gateway = system.http
        attempts = seen

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        ran = await asyncio.to_thread(run, name, f"http://127.0.0.1:{proxy.server_port}", business.token)
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
    ran = run(name, system.http, "wrong")
    assert ran.returncode != 0
    assert "401" in ran.stderr + ran.stdout or "credential" in ran.stderr + ran.stdout
