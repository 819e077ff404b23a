"""Two PostgreSQL servers: a primary, and a standby that follows it and may take its place."""

import os
import shutil
import subprocess
from pathlib import Path

from cli.embedded.postgres_server import postgres_server, program_of_postgres
from cli.embedded.privileges import as_nobody, make_private_directory, own_directory
from cli.embedded.server_process import ServerProcess

LIMIT_SECONDS = 120


class PostgresPair:
    """A primary and its standby, with the same password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.primary = postgres_server(folder / "primary")
        self.standby: ServerProcess

    def start(self) -> None:
        """Start the primary, copy it, and let the copy follow."""
        self.primary.start()
        copy = self._folder / "standby"
        make_private_directory(copy / "data")
        shutil.copy(self._folder / "primary" / "password", copy)
        self._copy_to(copy / "data")
        self.standby = postgres_server(copy)
        self.standby.start()

    def stop(self) -> None:
        """Stop both."""
        self.standby.stop()
        self.primary.stop()

    def address(self, *servers: ServerProcess, options: str = "target_session_attrs=primary") -> str:
        """Return the address of these servers, in this order."""
        start, _, rest = servers[0].url.rpartition("@")
        hosts = ",".join(server.url.rpartition("@")[2].partition("/")[0] for server in servers)
        return f"{start}@{hosts}/{rest.partition('/')[2]}?{options}"

    def _copy_to(self, data: Path) -> None:
        target = ("--pgdata", own_directory(data), "--write-recovery-conf")
        command = as_nobody([program_of_postgres("pg_basebackup"), "--dbname", self.primary.url, *target], "KILL")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        subprocess.run(command, env=environment, cwd=data, check=True, timeout=LIMIT_SECONDS)  # noqa: S603  (a program of the wheel)
