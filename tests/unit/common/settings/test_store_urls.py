"""Addresses of stores are judged at start, and passwords come through whole, whatever is in them."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import parse_url

from common.settings.store_urls import check_password_apart, check_store_url, take_apart, whole_url

PASSWORDS = st.text(st.characters(codec="utf-8"), min_size=1)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pa/ss@h:6379/0",
        "redis://:12/34@h",
        "redis://u:pa#ss@h",
        "redis://u:pa?ss@h",
        "redis://:/@h",
        "redis://a@b/c@h:6379",
        "unix://:pa/ss@/run/redis.sock",
        "redis://u:pa#ss@a:1,b:2",
    ],
)
def test_a_raw_mark_in_a_password_is_told_with_its_remedy(url: str) -> None:
    """It would end the host's part, and be told as a port that is wrong; the password itself is not shown."""
    with pytest.raises(ValueError, match=r"%2F, %3F, %23 for them, or leave it out and set X_PASSWORD") as refused:
        check_store_url(url, "redis", "unix", apart="X_PASSWORD")
    assert "ss" not in str(refused.value).replace("password", "").replace("address", "")


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://:6379",
        "redis://u:p@h:1/0?db=1",
        "redis://u:p%2F%23@h:1",
        "redis://u:p@ss:w:rd@h:1",
        "redis://[::1]:6379,[fe80::1%25eth0]:1,h",
        "redis://a:1,b:65535,c/0",
        "unix:///run/a@b.sock?db=1",
        "unix://:word@/run/redis.sock",
        "redis:///db?host=/run/postgresql",
        "redis://h/db?user=me@server",
    ],
)
def test_an_address_that_can_be_is_taken(url: str) -> None:
    """One host or several, a socket, credentials and options."""
    check_store_url(url, "redis", "unix")


@pytest.mark.parametrize(
    "url", ["redis://a:1,", "redis://,a", "redis://a:1,b:0", "redis://a:65536", "redis://a,b:x", "redis://h\n:1"]
)
def test_every_host_is_judged(url: str) -> None:
    """Not the first alone."""
    with pytest.raises(ValueError, match="valid port"):
        check_store_url(url, "redis")


@given(PASSWORDS)
def test_a_password_given_apart_comes_through_whole(password: str) -> None:
    """For both clients' ways to read an address, whatever stands beside it."""
    for url in ("postgresql://me@a:1,b:2/db?x=1", "postgresql:///db?host=/run/postgresql", "postgresql://h"):
        whole = whole_url(url, password)
        credentials, _, rest = urlsplit(whole).netloc.partition("@")
        assert unquote(credentials.partition(":")[2]) == password
        assert whole.endswith(rest + url.partition("://")[2].removeprefix("me@").removeprefix(rest))
    for url in ("redis://me@h:1/2", "rediss://h", "unix:///run/redis.sock"):
        assert parse_url(whole_url(url, password))["password"] == password


@given(PASSWORDS)
def test_a_password_that_was_encoded_goes_on_working(password: str) -> None:
    """Its marks are read once and written again."""
    whole = whole_url("redis://me@h", password)
    assert whole_url(whole, None) == whole
    assert take_apart(whole).has_password


def test_a_raw_at_or_bracket_is_read_as_part_of_the_password() -> None:
    """Clients differ there; the last @ is before the host."""
    assert whole_url("postgresql://me:p@s[s@h:1/db", None) == "postgresql://me:p%40s%5Bs@h:1/db"


@pytest.mark.parametrize("url", ["redis://:word@h", "redis://h?password=word", "unix://u:word@/run/redis.sock"])
def test_two_passwords_are_one_too_many(url: str) -> None:
    """Nobody could tell which is meant."""
    with pytest.raises(ValueError, match="in REDIS_URL already"):
        check_password_apart(url, "other", "REDIS_URL")
    check_password_apart(url, "", "REDIS_URL")
    check_password_apart("redis://u@h", "other", "REDIS_URL")
