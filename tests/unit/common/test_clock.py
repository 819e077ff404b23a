"""Times go through protobuf and JSON without losing a microsecond."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from common.clock import from_timestamp, milliseconds, now, to_rfc3339, to_timestamp

times = st.datetimes(timezones=st.just(UTC))


@given(times)
def test_timestamps_come_back(at: datetime) -> None:
    """Any time of the years 1 to 9999 survives, also before 1970."""
    assert from_timestamp(to_timestamp(at)) == at


def test_times_out_are_in_utc() -> None:
    """An offset is converted, not cut off; microseconds show only where there are any."""
    at = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=-3)))
    assert to_rfc3339(at) == "2026-03-01T12:30:00Z"
    assert to_rfc3339(at + timedelta(microseconds=5)) == "2026-03-01T12:30:00.000005Z"


def test_now_is_aware() -> None:
    """The present carries its zone."""
    assert now().tzinfo is UTC
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1000
