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
from cli.embedded.privileges import dying_with_us
from tests.support.system import TLS

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
            self.process = subprocess.Popen(  # noqa: S603  (our own command)
                [*as_user(user), *command] if user else dying_with_us(command, "TERM"),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

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
        """Return the processes of its servers; one that is being started again is left out."""
        files = [self.data / name for name in PID_FILES]
        return {str(file.relative_to(self.data)): pid for file in files if (pid := noted_pid(file))}

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_SECONDS)

    def said(self) -> str:
        """Return what it wrote to the terminal."""
        return self._log.read_text()


def as_user(user: int) -> list[str]:
    """Return what runs a command as an ordinary user who may read this installation, wherever it lies."""
    may_read = "-all,+dac_read_search"
    identity = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
    return ["setpriv", *identity, f"--inh-caps={may_read}", f"--ambient-caps={may_read}", "--pdeathsig", "TERM", "--"]


def noted_pid(file: Path) -> int | None:
    """Return the process that a file names; None while there is no such file."""
    try:
        return int(file.read_text().split()[0])
    except FileNotFoundError:
        return None


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
    return httpx.get(url, headers={"User-Agent": PHONE}, timeout=120, verify=TLS)


def clicks_reported(ready: dict[str, Any]) -> int | None:
    """Return the clicks in the demo campaign's report; None while PostgreSQL is away."""
    answer = httpx.get(
        f"{ready['http']}/v1/campaigns/spring-sale/report",
        headers={"Authorization": f"Bearer {ready['token']}"},
        timeout=120,
        verify=TLS,
    )
    return None if answer.status_code == 503 else int(answer.json()["totals"]["clicks"])


def is_serving(ready: dict[str, Any]) -> bool:
    """Tell whether the gateway and all behind it serve."""
    try:
        return bool(httpx.get(f"{ready['http']}/readyz", timeout=30, verify=TLS).json()["status"] == "ok")
    except (httpx.HTTPError, ValueError):
        return False


@pytest.fixture(scope="module")
def start_up() -> Iterator[Callable[..., Up]]:
    """Start runs of `clicktrail up`, and stop in the end those that still run."""
    runs: list[Up] = []

    def start_one(*arguments: Any, **options: Any) -> Up:
        runs.append(Up(*arguments, **options))
        return runs[-1]

    yield start_one
    for run in runs:
        if run.process.poll() is None:
            run.end()


@pytest.fixture(scope="module")
def up(start_up: Callable[..., Up], tmp_path_factory: pytest.TempPathFactory) -> Up:
    """Bring everything up, in a directory with spaces in its path."""
    running = start_up(tmp_path_factory.mktemp("with spaces") / "my data")
    running.ready()
    return running


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


def test_what_it_says_can_be_copied(up: Up) -> None:
    """The command that shows a report stands in one line, with the directory as a shell takes it."""
    command = f"clicktrail report --campaign spring-sale --data-dir '{up.data}'\n"
    until(lambda: command in up.said())


def test_what_runs_is_backed_up_by_its_directory(up: Up, tmp_path: Path) -> None:
    """`backup --data-dir` finds the database, whose address stands in a file for our eyes alone."""
    up.ready()
    assert (up.data / "postgres.url").stat().st_mode & 0o777 == 0o600
    file = tmp_path / "clicktrail.tar"
    command = [sys.executable, "-m", "cli", "backup", str(file), "--data-dir", str(up.data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)
    assert done.returncode == 0, done.stderr
    assert "links: 20 rows" in done.stderr
    assert file.stat().st_size > 0


def test_a_second_one_on_the_same_data_is_refused(up: Up, start_up: Callable[..., Up]) -> None:
    """Another `up` on the same directory says so in one line and leaves the first alone."""
    ready = up.ready()
    second = start_up(up.data)
    assert second.process.wait(LIMIT_SECONDS) == 2
    assert "Another clicktrail is running" in second.said()
    assert is_serving(ready)


@pytest.mark.parametrize("name", PID_FILES)
def test_a_killed_server_comes_back(up: Up, name: str) -> None:
    """Each server that is killed is started again, and clicks are served and counted as before."""
    ready = up.ready()
    before = clicks_reported(ready) or 0
    pid = up.pids()[name]
    os.kill(pid, signal.SIGKILL)
    until(lambda: up.pids().get(name, pid) != pid and is_serving(ready))
    assert click(ready, 1).status_code == 302
    until(lambda: clicks_reported(ready) == before + 1)


def test_a_stop_and_a_kill_lose_nothing(start_up: Callable[..., Up], tmp_path: Path) -> None:
    """Links, token and report are there again after a stop, and after a SIGKILL that took every server along."""
    data = tmp_path / "data"
    first = start_up(data)
    ready = first.ready()
    assert click(ready, 2).status_code == 302
    until(lambda: clicks_reported(ready) == 1)
    pids = first.pids().values()
    assert first.end(signal.SIGINT) == 0
    assert not any(is_alive(pid) for pid in pids)
    assert not first.ready_file.exists()

    second = start_up(data)
    again = second.ready()
    assert (again["token"], codes_of(again)) == (ready["token"], codes_of(ready))
    assert clicks_reported(again) == 1
    assert click(again, 3).status_code == 302
    pids = second.pids().values()
    assert second.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(is_alive(pid) for pid in pids))
    # Nobody was left to remove it; the next start does, but a moment later.
    second.ready_file.unlink()

    third = start_up(data)
    again = third.ready()
    until(lambda: clicks_reported(again) == 2)
    assert codes_of(again) == codes_of(ready)
    assert third.end() == 0


def codes_of(ready: dict[str, Any]) -> list[str]:
    """Return the codes of the demo links."""
    return [link["code"] for link in ready["links"]]


def test_a_taken_port_is_told_before_anything_starts(start_up: Callable[..., Up], tmp_path: Path) -> None:
    """A port that is taken ends it with one clear line and nothing started."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        up = start_up(tmp_path / "data", port=taken.getsockname()[1])
        assert up.process.wait(LIMIT_SECONDS) == 2
    assert "is taken" in up.said()
    assert not (tmp_path / "data" / "redis" / "redis.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_an_ordinary_user(start_up: Callable[..., Up]) -> None:
    """An ordinary user can bring it up, too, and all servers run as that user."""
    user = pwd.getpwnam("daemon").pw_uid
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user, user)
        up = start_up(Path(folder) / "data", user=user)
        assert click(up.ready(), 0).status_code == 302
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in up.pids().values()} == {user}
        assert up.end() == 0
        shutil.rmtree(Path(folder) / "data")
