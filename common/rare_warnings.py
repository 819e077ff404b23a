"""Keeps an outage from filling the log: the same warning once a while, not once a request."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

PAUSE_SECONDS = 60.0


class RareWarning:
    """A warning that is logged at once, then at most once a minute, with how often it was left out meanwhile."""

    def __init__(self, log: "BoundLogger", event: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._event = event
        self._clock = clock
        self._told_at: float | None = None
        self._left_out = 0

    def tell(self, **facts: str) -> None:
        """Log it with these facts, or count it."""
        now = self._clock()
        if self._told_at is not None and now - self._told_at < PAUSE_SECONDS:
            self._left_out += 1
            return
        counted = {"left_out": self._left_out} if self._left_out else {}
        self._log.warning(self._event, **facts, **counted)
        self._told_at, self._left_out = now, 0
