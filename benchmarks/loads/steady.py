"""Makes load at a fixed rate by h2load, from a log of each answer."""

import shutil
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.contender import Missing
from benchmarks.loads.load import REDIRECT, USER_AGENT

PACKAGES = "apt install nghttp2-client"
_CLIENTS = 50
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Steady:
    """What came of a load at a fixed rate."""

    answered: int
    others: int
    rate: float
    p50_ms: float
    p99_ms: float


def steady_command(folder: Path, url: str, paths: Sequence[str], rate: float, seconds: float) -> list[str]:
    """Return the command line of a load; its log of answers is written to `folder`."""
    h2load = shutil.which("h2load")
    if h2load is None:
        raise Missing(f"h2load is not on this machine: {PACKAGES}")
    uris, log = folder / "uris.txt", folder / "h2load.log"
    uris.write_text("".join(f"{url}{path}\n" for path in paths))
    log.unlink(missing_ok=True)
    pace = max(1, round(rate / _CLIENTS))
    options = [f"--rps={pace}", f"-c{_CLIENTS}", "-t1", f"-D{max(1, round(seconds))}", f"--log-file={log}"]
    return [h2load, "--h1", *options, "-H", f"user-agent: {USER_AGENT}", "-i", str(uris)]


def steady_load(folder: Path, url: str, paths: Sequence[str], rate: float, seconds: float) -> Steady:
    """Load a URL at a rate, and return how fast it answered."""
    command = steady_command(folder, url, paths, rate, seconds)
    subprocess.run(command, capture_output=True, check=True, timeout=seconds + _PATIENCE_SECONDS)  # noqa: S603  (h2load)
    return read_log(folder, seconds)


def read_log(folder: Path, seconds: float) -> Steady:
    """Return what h2load has logged: for each answer its start, its status and its microseconds."""
    rows = [line.split() for line in (folder / "h2load.log").read_text().splitlines()]
    taken = [int(micros) / 1000 for _, status, micros in rows if int(status) == REDIRECT]
    cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else [0.0] * 99
    return Steady(len(taken), len(rows) - len(taken), len(taken) / seconds, cuts[49], cuts[98])
