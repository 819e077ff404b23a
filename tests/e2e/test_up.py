"""`clicktrail up`: comes up, heals itself, stops in order, and keeps its data."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.embedded.ports import LOOPBACK, free_port

LIMIT_SECONDS = 120
PHONE = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile"
    " Safari/537.36"
)
PID_FILES = (
    "redis/redis.pid",
    "postgres/postgres.pid",
    "tracking_service.pid",
    "shortener_service.pid",
    "gateway.pid",
)


class Up:
    """One run of `clicktrail up`."""

    def __init__(self, data: Path, *, port: int | None = None, user: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        command = [sys.executable, "-m", "cli", "up", "--data-dir", str(data), "--http-port", str(self.port)]
        self._log = data.parent / f"up-{self.port}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, user=user)  # noqa: S603  (our own command)

    @property
    def ready_file(self) -> Path:
        """Where it says that it is ready."""
        return self.data / "ready.json"

    def ready(self) -> dict[str, Any]:
        """Wait until all is ready, and return what ready.json says."""
        until(lambda: self.ready_file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        found: dict[str, Any] = json.loads(self.ready_file.read_text())
        return found

    def pids(self) -> dict[str, int]:
        """Return the processes of its servers."""
        return {name: int((self.data / name).read_text().split()[0]) for name in PID_FILES}

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_SECONDS)

    def said(self) -> str:
        """Return what it wrote to the terminal."""
        return self._log.read_text()


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; the limit only ends a test that would never end."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def click(ready: dict[str, Any], number: int) -> httpx.Response:
    """Open the link of a demo recipient."""
    url = f"{ready['http']}/{ready['links'][number]['code']}"
    return httpx.get(url, headers={"User-Agent": PHONE}, timeout=30)


def clicks_reported(ready: dict[str, Any]) -> int:
    """Return the clicks in the demo campaign's report."""
    answer = httpx.get(
        f"{ready['http']}/v1/campaigns/spring-sale/report",
        headers={"Authorization": f"Bearer {ready['token']}"},
        timeout=30,
    )
    return int(answer.raise_for_status().json()["totals"]["clicks"])


def is_serving(ready: dict[str, Any]) -> bool:
    """Tell whether the gateway and all behind it serve."""
    try:
        return httpx.get(f"{ready['http']}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Bring everything up, in a directory with spaces in its path."""
    running = Up(tmp_path_factory.mktemp("with spaces") / "my data")
    try:
        running.ready()
        yield running
    finally:
        running.end()


def test_ready_json_says_where_everything_is(up: Up) -> None:
    """When all is ready, a file for our eyes alone has the addresses, the demo business and its 20 links."""
    ready = up.ready()
    assert ready["http"] == f"http://127.0.0.1:{up.port}"
    assert set(ready) == {"http", "shortener", "tracking", "business", "token", "links"}
    assert [link["profile"] for link in ready["links"]] == [f"customer-{number:02}" for number in range(1, 21)]
    assert up.ready_file.stat().st_mode & 0o777 == 0o600
    answer = click(ready, 0)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://shop.example.com/spring?ref=sms&")


def test_a_second_one_on_the_same_data_is_refused(up: Up) -> None:
    """Another `up` on the same directory says so in one line and leaves the first alone."""
    second = Up(up.data)
    assert second.process.wait(LIMIT_SECONDS) == 2
    assert "Another clicktrail is running" in second.said()
    assert is_serving(up.ready())


@pytest.mark.parametrize("name", PID_FILES)
def test_a_killed_server_comes_back(up: Up, name: str) -> None:
    """Each server that is killed is started again, and clicks are served and counted as before."""
    ready = up.ready()
    before = clicks_reported(ready)
    pid = up.pids()[name]
    os.kill(pid, signal.SIGKILL)
    until(lambda: up.pids()[name] != pid and is_serving(ready))
    assert click(ready, 1).status_code == 302
    until(lambda: clicks_reported(ready) > before)
    assert clicks_reported(ready) == before + 1


def test_a_stop_and_a_kill_lose_nothing(tmp_path: Path) -> None:
    """Links, token and report are there again after a stop, and after a SIGKILL that took every server along."""
    data = tmp_path / "data"
    first = Up(data)
    ready = first.ready()
    assert click(ready, 2).status_code == 302
    until(lambda: clicks_reported(ready) == 1)
    pids = first.pids().values()
    assert first.end(signal.SIGINT) == 0
    assert not any(is_alive(pid) for pid in pids)
    assert not first.ready_file.exists()

    second = Up(data)
    again = second.ready()
    assert (again["token"], codes_of(again)) == (ready["token"], codes_of(ready))
    assert clicks_reported(again) == 1
    assert click(again, 3).status_code == 302
    pids = second.pids().values()
    assert second.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(is_alive(pid) for pid in pids))

    third = Up(data)
    again = third.ready()
    until(lambda: clicks_reported(again) == 2)
    assert codes_of(again) == codes_of(ready)
    assert third.end() == 0


def codes_of(ready: dict[str, Any]) -> list[str]:
    """Return the codes of the demo links."""
    return [link["code"] for link in ready["links"]]


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    """A port that is taken ends it with one clear line and nothing started."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        up = Up(tmp_path / "data", port=taken.getsockname()[1])
        assert up.process.wait(LIMIT_SECONDS) == 2
    assert "is taken" in up.said()
    assert not (tmp_path / "data" / "redis" / "redis.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_an_ordinary_user() -> None:
    """An ordinary user can bring it up, too, and all servers run as that user."""
    user = pwd.getpwnam("daemon").pw_uid
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user, user)
        readable = subprocess.run([sys.executable, "-c", "import cli.app"], user=user, check=False, capture_output=True)
        if readable.returncode != 0:
            pytest.skip("an ordinary user cannot read this installation")
        up = Up(Path(folder) / "data", user=user)
        assert click(up.ready(), 0).status_code == 302
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in up.pids().values()} == {user}
        assert up.end() == 0
        shutil.rmtree(Path(folder) / "data")
