"""Runs commands against a tracking service."""

import asyncio
import sys
from pathlib import Path

from tracking_service.bootstrap import TrackingService

ROOT = Path(__file__).parents[3]


async def clicktrail(tracking: TrackingService, *arguments: str) -> tuple[int | None, str, str]:
    """Run a command against the service; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", *arguments, "--tracking", f"127.0.0.1:{tracking.port}",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
