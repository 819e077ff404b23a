"""Makes load from outside: by wrk where there is one, else by processes of our own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.contender import Missing

REDIRECT = 302
USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile"
    " Safari/537.36"
)
_SCRIPT = Path(__file__).with_name("wrk.lua")
_POST_SCRIPT = Path(__file__).with_name("wrk_post.lua")
_THREADS = 2
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a turn; `cut_off` requests at most were under way at its end, answered to nobody."""

    answered: int
    others: int
    cut_off: int
    seconds: float
    p50_ms: float
    p99_ms: float


Generate = Callable[[str], Load]


def generator(folder: Path, paths: Sequence[str], connections: int, seconds: float) -> Generate:
    """Return a function that loads a URL with requests for these paths."""
    path_file = folder / "paths.txt"
    path_file.write_text("\n".join(paths) + "\n")
    wrk = shutil.which("wrk")
    if wrk:
        return lambda url: _by_wrk(wrk, url, path_file, connections, seconds)
    print("wrk is not on the PATH (Debian: apt install wrk); a slower generator of our own takes its place.")
    return lambda url: _by_ours(url, path_file, connections, seconds)


def wrk_posts(url: str, token: str, body: Path, connections: int, seconds: float) -> Load:
    """Post a body to a URL, again and again."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Missing("wrk is not on this machine: apt install wrk")
    command = [wrk, f"-t{_THREADS}", f"-c{connections}", f"-d{seconds:g}s", "-s", str(_POST_SCRIPT), url]
    return _told(_run([*command, "--", token, str(body)], seconds), connections)


def _by_wrk(wrk: str, url: str, path_file: Path, connections: int, seconds: float) -> Load:
    command = [wrk, f"-t{_THREADS}", f"-c{connections}", f"-d{seconds:g}s", "-s", str(_SCRIPT), url]
    return _told(_run([*command, "--", str(path_file), USER_AGENT], seconds), connections)


def _told(said: str, connections: int) -> Load:
    found = json.loads(said.rpartition("RESULT ")[2])
    return Load(
        answered=found["requests"] - found["errors"],
        others=found["errors"],
        cut_off=connections,
        seconds=found["seconds"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
    )


def _by_ours(url: str, path_file: Path, connections: int, seconds: float) -> Load:
    command = [sys.executable, "-m", "benchmarks.loads.raw_load", url, str(path_file), str(connections), str(seconds)]
    found = json.loads(_run(command, seconds))
    return Load(cut_off=0, **found)


def _run(command: Sequence[str], seconds: float) -> str:
    return subprocess.run(  # noqa: S603  (wrk, or ourselves)
        command, capture_output=True, text=True, check=True, timeout=seconds + _PATIENCE_SECONDS
    ).stdout
