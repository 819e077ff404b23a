"""Servers that end are started again."""

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from cli.embedded.redis_server import redis_server as new_redis
from cli.embedded.server_process import ServerProcess
from cli.stack.supervisor import LONGEST_PAUSE_SECONDS, StopRequested, Ward, keep_running, stop_signals_raise

pytestmark = pytest.mark.stores


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Run a Redis, and stop it after the test."""
    redis = new_redis(tmp_path)
    redis.start()
    yield redis
    redis.stop()


def test_a_server_that_ends_is_started_again_after_a_pause(server: ServerProcess) -> None:
    """A killed server is started again on its port, once its pause is over."""
    ward = Ward(server, started_at=0.0)
    server.kill()
    ward.look(now=10.0)
    assert not server.is_running
    ward.look(now=10.05)
    assert not server.is_running
    ward.look(now=10.1)
    assert server.is_running


def test_pauses_grow_up_to_a_limit_and_are_forgiven(server: ServerProcess) -> None:
    """A server that keeps failing is started again ever later; after half a minute of running it is well again."""
    ward = Ward(server, started_at=0.0)
    now = 0.0
    for _ in range(10):
        server.kill()
        ward.look(now)
        now += LONGEST_PAUSE_SECONDS
        ward.look(now)
    assert ward.backoff.upcoming == LONGEST_PAUSE_SECONDS
    ward.look(now + 31)
    assert ward.backoff.upcoming < 1


def test_a_server_that_cannot_be_started_is_tried_again(server: ServerProcess, tmp_path: Path) -> None:
    """A start that fails, on a data directory that is gone say, does not end the watch."""
    ward = Ward(server, started_at=0.0)
    server.kill()
    (tmp_path / "data").rename(tmp_path / "away")
    (tmp_path / "data").write_text("in the way")
    ward.look(0.0)
    ward.look(1.0)
    assert not server.is_running
    (tmp_path / "data").unlink()
    ward.look(2.0)
    ward.look(12.0)
    assert server.is_running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_watch(server: ServerProcess, number: signal.Signals) -> None:
    """Each signal that asks for a stop ends the watch, and the former handlers are back afterwards."""
    # Not as under `nohup`, where SIGHUP is ignored and stays so.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with stop_signals_raise():
            Timer(0.3, signal.raise_signal, [number]).start()
            with pytest.raises(StopRequested):
                keep_running([server])
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_server_never_started_has_ended(tmp_path: Path) -> None:
    """A server that was never started neither runs nor hinders a stop."""
    redis = new_redis(tmp_path)
    assert not redis.is_running
    redis.stop()
    assert redis.wait(0)
