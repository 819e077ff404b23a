"""Puts the whole of Clicktrail together on one machine: two stores, three services."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.addresses import Endpoint, security_with
from cli.data_directory import DataDirectory, Ready
from cli.embedded.errors import ServerFailed
from cli.embedded.ports import free_port, is_free
from cli.embedded.postgres_server import find_postgres, postgres_server, service_url
from cli.embedded.privileges import dying_with_us
from cli.embedded.redis_server import find_redis, redis_server
from cli.embedded.server_process import ServerProcess
from cli.failures import CommandFailed, ExitCode
from cli.service_program import ServiceProgram, environment_with, python_module, reachable
from cli.stack.demo_business import BUSINESS, seed
from clicktrail.common.v1.access_pb2 import ROLE_OPERATOR
from common.logging import get_logger
from common.rpc.keys import file_of
from common.settings.texts import UnfitTextError, text_of

log = get_logger(__name__)

_MIGRATION_SECONDS = 600
_STOP_SECONDS = 20.0
# A store with much data reads all of it after a crash.
_STORE_SECONDS = 600.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Front:
    """Where people reach it. Without a port, one that is free is chosen; without a URL, the listener's own."""

    host: str = "127.0.0.1"
    port: int | None = None
    public_url: str | None = None

    def check_port(self) -> None:
        """Raise `CommandFailed` where nobody could listen on the port."""
        if self.port and not is_free(self.host, self.port):
            raise CommandFailed(
                f"Port {self.port} of {self.host} is taken or not allowed: name another with --http-port.",
                ExitCode.USAGE,
            )


class Stack:
    """Redis, PostgreSQL, tracking, shortener and gateway, each on its own port, started and stopped in order."""

    def __init__(self, data: DataDirectory, front: Front) -> None:
        self._data = data
        self._front = front
        http_port = front.port or free_port()
        self._public_url = front.public_url or f"http://{reachable(front.host)}:{http_port}"
        self._fsync = _setting("REDIS_FSYNC") or "always"
        self.redis = redis_server(data.redis, log=data.logs / "redis.log", fsync=self._fsync)
        self.postgres = postgres_server(data.postgres, log=data.logs / "postgres.log")
        self.tracking = self._service("tracking_service", self._tracking_settings)
        self.shortener = self._service("shortener_service", self._shortener_settings)
        self.gateway = self._service("gateway", self.gateway_settings, http_port)

    @property
    def servers(self) -> tuple[ServerProcess, ...]:
        """All servers in the order of starting: each needs only those before it."""
        return (self.redis, self.postgres, self.tracking, self.shortener, self.gateway)

    @property
    def postgres_url(self) -> str:
        """Where PostgreSQL is for the service: as a role that reads and writes rows, and may do nothing else."""
        return service_url(self._data.postgres, self.postgres.port)

    @property
    def keys(self) -> Path:
        """The folder of its service keys."""
        return self._data.keys

    @property
    def tracking_endpoint(self) -> Endpoint:
        """Tracking, as operators of this stack call it."""
        return self._endpoint(self.tracking)

    @property
    def shortener_endpoint(self) -> Endpoint:
        """The shortener, likewise."""
        return self._endpoint(self.shortener)

    def start(self, say: Say) -> Ready:
        """Start everything, migrate, seed the demo business; return when all serves. `say` is told each step."""
        self._front.check_port()
        for server, binary in ((self.redis, find_redis()), (self.postgres, find_postgres())):
            say(f"starting {binary}")
            if binary.weakness:
                log.warning(binary.weakness)
            server.start(_STORE_SECONDS)
        say("migrating the database")
        self._migrate()
        for server in (self.tracking, self.shortener, self.gateway):
            say(f"starting {server.name}")
            server.start()
        say("seeding the demo business")
        token, links = seed(self.shortener_endpoint, self.tracking_endpoint, self._data.read_demo_token())
        self._data.keep_demo_token(token)
        return Ready(
            http=self.gateway.url,
            shortener=self.shortener.url,
            tracking=self.tracking.url,
            business=BUSINESS,
            token=token,
            links=links,
        )

    def stop(self) -> None:
        """Stop everything, what is in front first, each with time to finish its work."""
        for server in reversed(self.servers):
            server.stop(_STOP_SECONDS)

    def hurry(self) -> None:
        """Stop everything at once: the services by SIGKILL, the stores after writing what they have."""
        for server in (self.gateway, self.shortener, self.tracking):
            server.kill()
        deadline = time.monotonic() + _STOP_SECONDS
        for server in (self.redis, self.postgres):
            server.stop(max(0.1, deadline - time.monotonic()))

    def another(self, module: str, name: str, changed: dict[str, str]) -> ServerProcess:
        """Return one more process of a service, with some settings of its own and a port that is free; not started."""
        settings = {
            "tracking_service": self._tracking_settings,
            "shortener_service": self._shortener_settings,
            "gateway": self.gateway_settings,
        }[module]
        host = self._front.host if module == "gateway" else None
        program = ServiceProgram(module, lambda port: settings(port) | changed, http_host=host)
        return ServerProcess(program, log=self._data.logs / f"{name}.log", pid_file=self._data.path / f"{name}.pid")

    def _service(
        self, module: str, settings: Callable[[int], dict[str, str]], http_port: int | None = None
    ) -> ServerProcess:
        program = ServiceProgram(module, settings, http_host=self._front.host if http_port else None)
        log = self._data.logs / f"{module}.log"
        return ServerProcess(program, log=log, pid_file=self._data.path / f"{module}.pid", port=http_port)

    def _tracking_settings(self, port: int) -> dict[str, str]:
        # The shortener starts later, but its port is known already.
        return {
            "TRACKING_LISTEN": f"127.0.0.1:{port}",
            "POSTGRES_URL": self.postgres_url,
            "SHORTENER_TARGET": f"ipv4:{self.shortener.url}",
            "SPOOL_DIR": str(self._data.spool),
            "PUBLIC_URL": self._public_url,
            "ENCRYPTION_KEYS": "",
            "ENCRYPTION_KEYS_FILE": str(self._data.encryption_keys),
            **self._key_settings(),
        }

    def _shortener_settings(self, port: int) -> dict[str, str]:
        return {
            "SHORTENER_LISTEN": f"127.0.0.1:{port}",
            "REDIS_URL": self.redis.url,
            "REDIS_FSYNC": self._fsync,
            "TRACKING_TARGET": f"ipv4:{self.tracking.url}",
            "PUBLIC_URL": self._public_url,
            **self._key_settings(),
        }

    def gateway_settings(self, port: int) -> dict[str, str]:
        """Return the settings of a gateway on this port before these services."""
        host = f"[{self._front.host}]" if ":" in self._front.host else self._front.host
        return {
            "HTTP_LISTEN": f"{host}:{port}",
            "SHORTENER_TARGET": f"ipv4:{self.shortener.url}",
            "TRACKING_TARGET": f"ipv4:{self.tracking.url}",
            "SERVICE_KEYS_DIR": str(self.keys),
        }

    def _endpoint(self, server: ServerProcess) -> Endpoint:
        return Endpoint(server.url, security_with(file_of(self.keys, ROLE_OPERATOR)))

    def _key_settings(self) -> dict[str, str]:
        return {"SERVICE_KEYS": "require", "SERVICE_KEYS_DIR": str(self.keys)}

    def _migrate(self) -> None:
        log = self._data.logs / "migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603  (our own module)
                dying_with_us(python_module("tracking_service.migrate"), "KILL"),
                env=environment_with({"POSTGRES_URL": self.postgres_url, "POSTGRES_OWNER_URL": self.postgres.url}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=_MIGRATION_SECONDS,
            )
        if done.returncode != 0:
            said = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise ServerFailed(f"The migration failed (exit code {done.returncode}). Its log says, in {log}:\n{said}")


def _setting(name: str) -> str | None:
    try:
        return text_of(name)
    except UnfitTextError as error:
        raise CommandFailed(f"{error}.", ExitCode.USAGE) from None
