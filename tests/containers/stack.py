"""A compose project of the tests, with what operators ask of it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.containers.documents import ROOT, commands

PROJECT = "clicktrail-test"
# By its name: what stands in for the base has another digest.
PYTHON_IMAGE = "python:3.13-slim"
OURS = ("tracking", "shortener", "gateway")
COMMAND_SECONDS = 400
SECRET_NAMES = ("postgres_password", "redis_password")
SECRETS = "/run/clicktrail-secrets"
SERVICE_SECRETS = "/run/clicktrail-service-secrets"
_TROUBLE = re.compile(r'"level": "(error|critical)"|Traceback|\b(ERROR|FATAL|PANIC):')


class CommandFailedError(Exception):
    """What an operator is told to do did not work; holds what was printed, and what the containers said."""


def say(text: str) -> None:
    """Tell whoever watches what goes on."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201  (this is a program for people)


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Stack:
    """A project: its folder, the compose files, and the environment that they are read with."""

    folder: Path = ROOT
    files: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose a port and a name of its own: an operator's project on the same engine stays untouched."""
        self.environment.setdefault("CLICKTRAIL_HTTP_PORT", str(free_port()))
        self.environment.setdefault("CLICKTRAIL_VERSION", "test")
        self.environment["COMPOSE_PROJECT_NAME"] = PROJECT
        self.environment.setdefault("CLICKTRAIL_PYTHON_IMAGE", PYTHON_IMAGE)
        # Whole paths, so that commands may be run in another folder.
        files = [str(self.folder / name) for name in ("docker-compose.yml", *self.files)]
        self.environment["COMPOSE_FILE"] = ":".join(files)

    @property
    def port(self) -> int:
        """Where the gateway is published, on 127.0.0.1."""
        return int(self.environment["CLICKTRAIL_HTTP_PORT"])

    def in_folder(self, folder: Path, **environment: str) -> "Stack":
        """Return the same project as another version's files describe it."""
        return Stack(folder, self.files, self.environment | environment)

    def told(self, document: str, heading: str, within: Path | None = None, number: int = 0) -> str:
        """Run the commands that a document of this version tells below a heading; return what they print."""
        text = commands(document, heading, self.folder, number)
        for line in text.strip().splitlines():
            say(f"  $ {line}")
        return self.shell(text, within)

    def shell(self, text: str, within: Path | None = None) -> str:
        """Run commands as an operator does, in the project's folder or another; return what they print."""
        command = ["bash", "-euo", "pipefail", "-c", text]
        try:
            done = subprocess.run(  # noqa: S603  (commands of our own documents)
                command, cwd=within or self.folder, env=self._whole_environment(), stdin=subprocess.DEVNULL, text=True,
                capture_output=True, timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise CommandFailedError(f"{text}\ndid not end within {COMMAND_SECONDS} s\n{self.diagnosis()}") from error
        if done.returncode != 0:
            printed = f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            raise CommandFailedError(f"{text}\nexit code {done.returncode}\n{printed}\n{self.diagnosis()}")
        return done.stdout

    def compose(self, *arguments: str) -> str:
        """Run `docker compose` with these arguments; return what it prints."""
        return self._output(["docker", "compose", *arguments])

    def clicktrail(self, *arguments: str) -> str:
        """Run the `clicktrail` command where operators run it."""
        return self.compose("exec", "-T", "tracking", "clicktrail", *arguments)

    def rows(self, query: str) -> list[str]:
        """Return what a query of one column finds in PostgreSQL."""
        found = self.compose("exec", "-T", "postgres", "psql", "-U", "clicktrail", "-d", "clicktrail", "-XAtqc", query)
        return found.split()

    def containers(self) -> dict[str, list[str]]:
        """Return the ids of the containers of each service, those that have ended too."""
        found: dict[str, list[str]] = {}
        for line in self.compose("ps", "--all", "--format", "{{.Service}} {{.ID}}").splitlines():
            service, identifier = line.split()
            found.setdefault(service, []).append(identifier)
        return {service: sorted(identifiers) for service, identifiers in found.items()}

    def described(self) -> list[dict[str, Any]]:
        """Return what the engine tells of each container."""
        identifiers = [one for several in self.containers().values() for one in several]
        found: list[dict[str, Any]] = json.loads(self._output(["docker", "inspect", *identifiers]))
        return found

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time that each running container has taken so far, by its id."""
        script = (
            "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null"
            " || awk '/^usage_usec/ {print $2 * 1000}' /sys/fs/cgroup/cpu.stat"
        )
        running = self.compose("ps", "--quiet").split()
        return {one: int(self._output(["docker", "exec", one, "sh", "-c", script])) / 1e9 for one in running}

    def trouble(self) -> list[str]:
        """Return the lines of all logs that tell of an error."""
        return [line for line in self.compose("logs", "--no-color").splitlines() if _TROUBLE.search(line)]

    def down(self) -> None:
        """Remove the project with all its data."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "30")

    def diagnosis(self) -> str:
        """Return which containers are not as they should be, and what they said last."""
        try:
            states = self._output(["docker", "compose", "ps", "--all", "--format", "{{.Service}}\t{{.Status}}"])
            well = re.compile(r"\(healthy\)|Exited \(0\)")
            ill = [line.split("\t")[0] for line in states.splitlines() if not well.search(line)]
            logs = self._output(["docker", "compose", "logs", "--no-color", "--tail", "15", *ill]) if ill else ""
        except CommandFailedError as error:
            return f"(nothing more is known: {error})"
        return f"{states}\n{logs}"

    def _output(self, command: Sequence[str]) -> str:
        done = subprocess.run(  # noqa: S603  (the engine's own commands)
            command, cwd=self.folder, env=self._whole_environment(), capture_output=True, text=True,
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise CommandFailedError(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def _whole_environment(self) -> Mapping[str, str]:
        # What stands in the environment of whoever runs the tests is no setting of theirs.
        usual = {name: value for name, value in os.environ.items() if not name.startswith(("CLICKTRAIL_", "COMPOSE_"))}
        return usual | self.environment


@contextmanager
def running(*files: str, **environment: str) -> Iterator[Stack]:
    """Give a project that is removed with its data at the end, whatever happens."""
    stack = Stack(files=files, environment=dict(environment))
    stack.down()
    try:
        yield stack
    except CommandFailedError:
        raise
    except Exception:
        sys.stderr.write(stack.diagnosis())
        raise
    finally:
        stack.down()
