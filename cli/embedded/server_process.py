"""Runs one server program as a child process: start, stop, kill, start again on the same port."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from cli.embedded.errors import ServerFailed
from cli.embedded.leftovers import is_running, note_process, stop_leftover
from cli.embedded.ports import free_port

_POLL_SECONDS = 0.02
_PORT_TRIES = 5
# One that is killed while it waits for the disk goes when the disk answers.
_GONE_SECONDS = 15.0
# What Redis and PostgreSQL say, and what gRPC says.
_PORT_LOST = ("address already in use", "failed to bind to address")
# A larger log is put aside at the next start; so many are kept beside it.
LOG_BYTES = 10_000_000
OLD_LOGS = 3
_LOG_TAIL_BYTES = 2_000
_LOG_TAIL_LINES = 12


class Program(Protocol):
    """What differs between the servers that we start."""

    @property
    def name(self) -> str:
        """Its name, in logs and messages."""

    @property
    def stop_signal(self) -> signal.Signals:
        """What asks it to finish its work and end."""

    @property
    def directory(self) -> Path | None:
        """Where it is started. None: where we are."""

    def prepare(self) -> None:
        """Make whatever it needs on disk; called before each start, also when it is there already."""

    def command(self, port: int) -> Sequence[str]:
        """Return its command line."""

    def environment(self, port: int) -> Mapping[str, str] | None:
        """Return its whole environment. None: ours."""

    def configuration(self, port: int) -> bytes:
        """Return what it reads from standard input."""

    def url(self, port: int) -> str:
        """Return where it is reached, secrets included."""

    def answers(self, port: int, pid: int) -> bool:
        """Tell, at one look of at most a second, whether this very process serves now."""


class ServerProcess:
    """A server program with a port and, while it runs, a process.

    Its output is added to `log`, so that a run that ends at once does not hide why. A log that is large at a start is
    kept beside it with the ending `.1`, with up to two older ones.
    """

    def __init__(self, program: Program, *, log: Path, pid_file: Path, port: int | None = None) -> None:
        self._program = program
        self._log = log
        self._log_start = 0
        self._pid_file = pid_file
        self._is_port_given = port is not None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()

    @property
    def name(self) -> str:
        """The program's name."""
        return self._program.name

    @property
    def url(self) -> str:
        """Where it is reached, secrets included."""
        return self._program.url(self.port)

    @property
    def pid(self) -> int:
        """The id of its process."""
        if self._process is None:
            raise ServerFailed(f"{self.name} has not been started.")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How its process ended: negative for a signal. None while it runs, or was never started."""
        return None if self._process is None else self._process.poll()

    @property
    def is_running(self) -> bool:
        """Whether there is a process, ready or not."""
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Start the process without waiting for it to answer; what an earlier run left behind is stopped first."""
        stop_leftover(self._pid_file, self._program.stop_signal)
        self._program.prepare()
        self._rotate_log()
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            process = subprocess.Popen(  # noqa: S603  (the program says what is run)
                self._program.command(self.port),
                env=self._program.environment(self.port),
                cwd=self._program.directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C at the terminal is for us; we then stop them in order.
                start_new_session=True,
            )
        self._process = process
        note_process(self._pid_file, process.pid)
        _feed(process, self._program.configuration(self.port))

    def is_ready(self) -> bool:
        """Tell, at one look, whether it serves."""
        return self.is_running and self._program.answers(self.port, self.pid)

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start the process and return when it serves.

        A port that was not given and is lost to another process is replaced. Raises `ServerFailed` with the end of its
        log when it ends instead, or takes longer.
        """
        for _ in range(_PORT_TRIES):
            self.spawn()
            if self._is_ready_within(timeout_seconds):
                return
            said = self.log_tail().lower()
            if self._is_port_given or not any(sign in said for sign in _PORT_LOST):
                break
            self.port = free_port()
        outcome = "took too long to start" if self.is_running else f"ended at once (exit code {self.exit_code})"
        self.kill()
        raise ServerFailed(f"{self.name} {outcome}. Its log says, in {self._log}:\n{self.log_tail()}")

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Ask the process to end, wait, and kill it when it takes longer."""
        self.signal(self._program.stop_signal)
        if not self.wait(timeout_seconds):
            self.kill()
        self._pid_file.unlink(missing_ok=True)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process and its own children by SIGKILL, as a fault would; return when all of them are gone."""
        if self._process is not None and self._process.poll() is None:
            # It leads a session, and with it a group, of its own; so do children of PostgreSQL's, which would go on
            # answering for a moment, and as long as one is there no other PostgreSQL starts on its data.
            # Stopped, it makes no more of them.
            self._process.send_signal(signal.SIGSTOP)
            children = _children_of(self._process.pid)
            os.killpg(self._process.pid, signal.SIGKILL)
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self._process.wait()
            _wait_until_gone(children)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until the process has ended; tell whether it has."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def log_tail(self) -> str:
        """Return the last lines of its log since it was last started."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-_LOG_TAIL_LINES:])

    def _rotate_log(self) -> None:
        if not self._log.exists() or self._log.stat().st_size < LOG_BYTES:
            return
        names = [self._log, *(self._log.with_name(f"{self._log.name}.{age}") for age in range(1, OLD_LOGS + 1))]
        for newer, older in reversed(list(pairwise(names))):
            if newer.exists():
                newer.replace(older)

    def _is_ready_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running and time.monotonic() < deadline:
            if self.is_ready():
                return True
            time.sleep(_POLL_SECONDS)
        return False


def _feed(process: subprocess.Popen[bytes], configuration: bytes) -> None:
    if process.stdin is None:
        return
    try:
        process.stdin.write(configuration)
        process.stdin.close()
    except BrokenPipeError:
        # It ended before reading; its exit code tells.
        process.stdin = None


def _wait_until_gone(pids: Iterable[int]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
