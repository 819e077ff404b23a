"""The address of PostgreSQL, of one server or of several, is judged before anything is connected."""

from pathlib import Path

import pytest

from tracking_service.postgres.address import CHOICES, TARGET, check_address, servers_in, target_in

HERE = Path(__file__)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/clicktrail",
        "postgres://u:p@a:5432,b:5433,[::1]:1/clicktrail?target_session_attrs=primary&sslmode=verify-full",
        "postgresql:///clicktrail?host=/run/postgresql&port=5433",
        "postgresql:///clicktrail?host=a,b&port=1,2",
        f"postgresql://h/clicktrail?sslrootcert={HERE}&application_name=clicks",
        *(f"postgresql://a,b/d?{TARGET}={value}" for value in CHOICES[TARGET]),
        *(f"postgresql://a/d?sslmode={value}" for value in CHOICES["sslmode"]),
    ],
)
def test_addresses_that_can_be_are_taken(url: str) -> None:
    """With whatever options PostgreSQL and its driver know."""
    check_address(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://h/clicktrail", "valid port"),
        ("postgresql://a:5432,b:port/clicktrail", "valid port"),
        ("postgresql://a:5432,,c/clicktrail", "valid port"),
        ("postgresql:///clicktrail?host=a,b&port=1,0", "valid port"),
        ("postgresql://a,b/d?target_session_attrs=master", "target_session_attrs one of any, primary"),
        ("postgresql://a/d?sslmode=on", "sslmode one of disable"),
        ("postgresql://a/d?sslrootcert=/nowhere/ca.pem", "sslrootcert that is not there"),
        ("postgresql://a/d?sslmode", "option without a value"),
        ("postgresql://u:a/b@h/d", "%2F"),
    ],
)
def test_what_is_wrong_with_an_address_is_told(url: str, reason: str) -> None:
    """Without showing it."""
    with pytest.raises(ValueError, match=reason) as refused:
        check_address(url)
    assert url not in str(refused.value)


def test_each_server_has_an_address_of_its_own() -> None:
    """With the credentials, the database and the options of all."""
    url = "postgresql://u:p%2F@a:1,[::1]:2,c/d?sslmode=require"
    assert servers_in(url) == [f"postgresql://u:p%2F@{host}/d?sslmode=require" for host in ("a:1", "[::1]:2", "c")]
    assert servers_in("postgresql:///d?host=/run") == ["postgresql:///d?host=/run"]
    assert (target_in(url), target_in(f"{url}&target_session_attrs=primary")) == ("", "primary")
