"""How much of the processor processes take, and a process that takes as much as is wanted."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

SLICE_SECONDS = 0.005
# Of `/proc/PID/stat`, behind the name: in user mode and in the kernel, and the same of children that have ended.
_TIMES = slice(11, 15)
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def seconds_of(process: int) -> float:
    """Return the seconds of processor time that a process and all below it have taken; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return 0.0
    return sum(map(int, fields[_TIMES])) / _TICKS_A_SECOND + sum(seconds_of(int(child)) for child in children)


class Meter:
    """What processes have taken since it was made."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._began_at = time.monotonic()
        self._before = {name: seconds_of(process) for name, process in processes.items()}

    def parts(self) -> dict[str, float]:
        """Return by name what part of one core each took."""
        passed = time.monotonic() - self._began_at
        return {name: (seconds_of(self._processes[name]) - taken) / passed for name, taken in self._before.items()}


@contextlib.asynccontextmanager
async def taken(part: float) -> AsyncIterator[None]:
    """Take such a part of one core meanwhile, in a process of its own; more than 1 takes several."""
    command = (sys.executable, "-m", "tests.hostile.processor")
    whole = [1.0] * int(part)
    takers = [await asyncio.create_subprocess_exec(*command, str(one)) for one in (*whole, part - len(whole))]
    try:
        yield
    finally:
        for taker in takers:
            taker.terminate()
            await taker.wait()


def _take(part: float) -> None:
    """Take such a part of one core until terminated. What others keep it from taking, it takes later."""
    began_at, used_before = time.monotonic(), time.process_time()
    while True:
        owed = part * (time.monotonic() - began_at) - (time.process_time() - used_before)
        if owed <= 0:
            time.sleep(SLICE_SECONDS)
            continue
        until = time.process_time() + min(owed, SLICE_SECONDS)
        while time.process_time() < until:
            pass


if __name__ == "__main__":
    _take(float(sys.argv[1]))
