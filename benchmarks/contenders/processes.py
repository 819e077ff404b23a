"""Reads from /proc how much processor time processes have used, those that they started included."""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# utime, stime, cutime and cstime, counted from behind the name, which may hold spaces.
_TIMES = slice(11, 15)

Parts = Mapping[str, Iterable[int]]
"""Processes by the part of a system that they are."""


def processor_seconds(parts: Parts) -> dict[str, float]:
    """Return the seconds of user and system time of each part so far."""
    return {name: sum(map(_of_tree, processes)) for name, processes in parts.items()}


@contextmanager
def frozen(process: int) -> Iterator[None]:
    """Stop a process, and let it go on in the end."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def pin(processes: Iterable[int], processors: Iterable[int]) -> None:
    """Let processes run on these processors alone, with all threads that they have and all processes below them."""
    own = set(processors)
    for process in processes:
        with suppress(OSError):
            for thread in Path(f"/proc/{process}/task").iterdir():
                # It may have ended meanwhile.
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), own)
        pin(_children(process), own)


def _of_tree(process: int) -> float:
    """Return the time of a process, of those below it, and of those that have ended there."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[_TIMES])) / _TICKS_A_SECOND + sum(map(_of_tree, _children(process)))


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []
