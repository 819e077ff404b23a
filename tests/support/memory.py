"""Folders in memory for data that has to outlive processes, which are killed here, but no machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of our own is made in it)
# A few PostgreSQL servers with their logs of changes; containers often have 64 MB there.
ENOUGH_BYTES = 4 << 30
_PREFIX = "clicktrail-tests-"


@contextmanager
def folder_in_memory(otherwise: Path) -> Iterator[Path]:
    """Make a folder in memory, and remove it; where memory has too little room, the folder given serves.

    A database is copied for each test: on a disk that costs ten times the processor time.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH_BYTES:
        yield otherwise
        return
    _remove_left()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left() -> None:
    """Remove what killed runs have left, whose processes are gone."""
    for folder in MEMORY.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
