"""Stops the server that an earlier run left behind on the same data."""

import os
import signal
import time
from pathlib import Path

_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.05
# Fields of /proc/PID/stat, counted behind the command's closing bracket.
_STATE = 0
_START_TICKS = 19


def note_process(pid_file: Path, pid: int) -> None:
    """Write down a process, whole or not at all, so that a later run can know it again."""
    written = pid_file.with_name(pid_file.name + ".new")
    written.write_text(f"{pid} {_started_at(pid) or 0}\n")
    written.replace(pid_file)


def stop_leftover(pid_file: Path, stop_signal: signal.Signals) -> None:
    """Stop the noted process if it still runs: politely first, by SIGKILL after 15 seconds.

    A process that merely has its pid is known by its start time and left alone.
    """
    try:
        pid, started = (int(word) for word in pid_file.read_text().split())
    except (OSError, ValueError):
        return
    for number in (stop_signal, signal.SIGKILL):
        if not _signal_if_same(pid, started, number):
            break
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _is_same(pid, started) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    pid_file.unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Tell whether there is such a process and it has not ended."""
    return _started_at(pid) is not None


def _signal_if_same(pid: int, started: int, number: signal.Signals) -> bool:
    if not _is_same(pid, started):
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _is_same(pid: int, started: int) -> bool:
    return started != 0 and _started_at(pid) == started


def _started_at(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since the machine's start; None for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[_STATE] == "Z" else int(fields[_START_TICKS])
