"""Keeps servers running: one that ends is started again, later and later while it keeps failing."""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from cli.embedded.errors import ServerFailed
from cli.embedded.server_process import ServerProcess
from common.backoff import Backoff
from common.logging import get_logger

log = get_logger(__name__)

LOOK_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
# After running this long, a server is taken to be well again.
WELL_AFTER_SECONDS = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """The process was asked to stop; raised wherever the main thread is, as `KeyboardInterrupt` is."""


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise `StopRequested` in the main thread; under `nohup`, not SIGHUP."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise StopRequested

    is_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = [number for number in STOP_SIGNALS if not (is_nohup and number is signal.SIGHUP)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class Ward:
    """A server under watch, and how it has been doing; times are of the monotonic clock."""

    server: ServerProcess
    started_at: float
    backoff: Backoff = field(
        default_factory=lambda: Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, is_spread=False)
    )
    start_again_at: float | None = None

    def look(self, now: float) -> None:
        """Start the server again if it has ended and its pause is over."""
        if self.server.is_running:
            if now - self.started_at > WELL_AFTER_SECONDS:
                self.backoff.reset()
            return
        if self.start_again_at is None:
            pause = self.backoff.pause()
            log.warning("ended", server=self.server.name, exit_code=self.server.exit_code, pause=pause)
            self.start_again_at = now + pause
        if now >= self.start_again_at:
            self._start(now)

    def _start(self, now: float) -> None:
        self.started_at = now
        self.start_again_at = None
        try:
            self.server.spawn()
            log.info("started again", server=self.server.name, pid=self.server.pid)
        except (ServerFailed, OSError) as error:
            # A full disk, say: the pauses grow, and it is tried again.
            log.error("cannot be started", server=self.server.name, reason=str(error))  # noqa: TRY400  (no bug of ours)


def keep_running(servers: Sequence[ServerProcess]) -> None:
    """Watch the servers until `StopRequested`."""
    wards = [Ward(server, time.monotonic()) for server in servers]
    pause = threading.Event()
    while True:
        for ward in wards:
            ward.look(time.monotonic())
        pause.wait(LOOK_SECONDS)
