"""A service as an operator starts it: a process, told by its environment, that logs lines of JSON."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

LIMIT_SECONDS = 60.0


class ServiceProcess:
    """A running service and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []

    async def says(self, event: str) -> dict[str, Any]:
        """Return the first line, of those not read yet, whose event begins so."""
        assert self._process.stderr is not None
        async with asyncio.timeout(LIMIT_SECONDS):
            while line := await self._process.stderr.readline():
                self.said.append(line.decode())
                logged = json.loads(line) if line.startswith(b"{") else {"event": line.decode()}
                if str(logged["event"]).startswith(event):
                    return dict(logged)
        raise AssertionError(f"it never said {event!r}, but {self.said}")

    async def exit_code(self) -> int:
        """Return how it ended, which it does by itself."""
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self._process.wait()


@asynccontextmanager
async def service_process(module: str, settings: Mapping[str, str]) -> AsyncIterator[ServiceProcess]:
    """Run a service with these settings, named without their prefix, and end it afterwards."""
    told = {f"CLICKTRAIL_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        env=os.environ | {"CLICKTRAIL_LOG_FORMAT": "json", "CLICKTRAIL_DRAIN_SECONDS": "0"} | told,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield ServiceProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
