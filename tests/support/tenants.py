"""A whole stack with its limits, and businesses on it, for programs that press on it from outside."""

import contextlib
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from grpc import aio

from cli.addresses import tracking_endpoint
from cli.data_directory import DataDirectory, Ready
from cli.stack.stack import Front, Stack
from common.rpc.channels import open_channel


class Tenant(NamedTuple):
    """A business: its public id, a private token, and the path of one of its links."""

    business: str
    token: str
    path: str


class Tenants:
    """A running stack, and the businesses that are made on it."""

    def __init__(self, data: Path, ready: Ready, port: int, processes: Mapping[str, int]) -> None:
        self.data = data
        self.ready = ready
        self.processes = processes
        """The ids of its servers' processes, by the servers' names."""
        self.port = port
        """Where the gateway speaks HTTP."""

    def another(self) -> Tenant:
        """Return a new business."""
        lines = self._command("business", "create", "--name", "A shop", "--tracking", self.ready.tracking)
        made = dict(line.split(None, 1) for line in lines)
        recipients = self.data.parent / f"{secrets.token_hex(4)}.csv"
        recipients.write_text("profile,external_id\nana,ana\n")
        lines = self._command(
            "links", "create", "--business", made["business"], "--csv", str(recipients), "--campaign", "spring",
            "--destination", "https://shop.example.com/", "--shortener", self.ready.shortener,
        )  # fmt: skip
        short_url = next(cell for line in lines for cell in line.split(",") if cell.startswith("http"))
        return Tenant(made["business"], made["token"], urlsplit(short_url).path)

    def channel(self, address: str) -> aio.Channel:
        """Return a channel to a service, as internal callers have it."""
        return open_channel(address, tracking_endpoint(address, self.data, None).security)

    def _command(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "cli", *arguments, "--data-dir", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  (our own)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.splitlines()


@contextlib.contextmanager
def running_stack() -> Iterator[Tenants]:
    """Run stores and services on this machine, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="clicktrail-") as folder:
        data = DataDirectory(Path(folder) / "data")
        data.make()
        stack = Stack(data, Front())
        try:
            ready = stack.start(lambda _step: None)
            processes = {server.name: server.pid for server in stack.servers}
            yield Tenants(data.path, ready, urlsplit(stack.gateway.url).port or 80, processes)
        finally:
            stack.stop()
