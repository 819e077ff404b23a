"""Makes sure that one process alone has a file of the spool."""

import fcntl
import os
from pathlib import Path


class SpoolLock:
    """A lock file beside what it guards, held from `take` to `release`. A process that dies releases it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "SpoolLock | None":
        """Return the lock, None where another process has it. Makes the file."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have removed the file in between: then this is a lock on nothing.
            is_held = _is_same(descriptor, path)
        except BlockingIOError:
            is_held = False
        except BaseException:
            os.close(descriptor)
            raise
        if not is_held:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Remove the lock file together with the lock: what it guards is gone."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
