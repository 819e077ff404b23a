"""A warning that comes with every request is told once a while."""

from structlog.testing import capture_logs

from common.logging import get_logger
from common.rare_warnings import PAUSE_SECONDS, RareWarning


def test_a_warning_is_told_once_a_while() -> None:
    """The first is logged at once, and the next after the pause, with how many were left out between them."""
    times = iter((10.0, 10.1, 10.0 + PAUSE_SECONDS / 2, 10.0 + PAUSE_SECONDS, 11.0 + PAUSE_SECONDS))
    with capture_logs() as lines:
        warning = RareWarning(get_logger("test"), "it fails", lambda: next(times))
        for number in range(5):
            warning.tell(cause=str(number))
    assert lines == [
        {"event": "it fails", "cause": "0", "log_level": "warning"},
        {"event": "it fails", "cause": "3", "left_out": 2, "log_level": "warning"},
    ]
