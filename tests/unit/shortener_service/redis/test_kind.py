"""What kind of server Redis is, as it says itself."""

import pytest
from redis.exceptions import ResponseError

from shortener_service.errors import UnsuitableStoreError
from shortener_service.redis.kind import check_kind, facts_in


@pytest.mark.parametrize("version", ["2.8.24", "5.0.14", "6.0.16", "6.1.0"])
def test_one_that_is_too_old_is_refused(version: str) -> None:
    """With both versions in the message."""
    with pytest.raises(UnsuitableStoreError, match=rf"Redis 6\.2 or newer.*the server is {version}"):
        check_kind(facts_in(f"# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n".encode()))


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "7.2.4", "10.0", "255.255.255", "unstable", ""])
def test_one_that_is_new_enough_or_does_not_say_is_taken(version: str) -> None:
    """Only what is said is judged."""
    check_kind(facts_in(f"# Server\r\nredis_version:{version}\r\nredis_mode:cluster\r\n".encode()))


def test_one_that_says_nothing_is_taken() -> None:
    """Whoever may not ask it this may still use it."""
    check_kind(facts_in(ResponseError("this user has no permissions to run the 'info' command")))


def test_a_sentinel_is_refused() -> None:
    """By its name."""
    with pytest.raises(UnsuitableStoreError, match="Redis Sentinel, which is not supported"):
        check_kind(facts_in(b"# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n"))
