"""Reads files again when they change, so that keys and certificates are replaced without a restart."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from common.logging import get_logger
from common.rare_warnings import RareWarning

log = get_logger(__name__)
Content = TypeVar("Content")

LOOK_SECONDS = 1.0


class WatchedFiles(Generic[Content]):
    """What is in some files, looked at once a second at most. What cannot be read leaves what was there before.

    `read` returns it, and raises `OSError` or `ValueError`, which says what is wrong and shows no secret.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[], Content],
        before: Content,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = paths
        self._read = read
        self._content = before
        self._clock = clock
        self._look_at = float("-inf")
        self._seen: tuple[object, ...] = ()
        self._unfit = RareWarning(log, "files cannot be taken, what was read before holds")

    def current(self) -> Content:
        """Return what is in them."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look()
        return self._content

    def _look(self) -> None:
        # Before they are read: what changes meanwhile is seen the next time.
        seen = tuple(map(_mark_of, self._paths))
        if seen == self._seen:
            return
        try:
            self._content = self._read()
        except (OSError, ValueError) as error:
            self._unfit.tell(folder=str(self._paths[0].parent), reason=str(error))
        else:
            self._seen = seen


def _mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file; of a link, with the file that it leads to."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
