"""Which hosts a list of refused ones covers."""

import pytest

from shortener_service.refused_hosts.refused_host import HostSet


@pytest.mark.parametrize(
    ("host", "is_covered"),
    [
        ("evil.example", True),
        ("a.b.evil.example", True),
        ("notevil.example", False),
        ("evil.example.com", False),
        ("example", False),
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("2.1", False),
    ],
)
def test_a_host_is_covered_with_its_subdomains(host: str, is_covered: bool) -> None:  # noqa: FBT001  (a parameter)
    """By whole labels, from the end."""
    assert HostSet(["evil.example", "192.0.2.1", "2001:db8::1"]).covers(host) is is_covered


def test_an_empty_list_covers_nothing() -> None:
    """Neither a host nor an empty one."""
    assert not HostSet().covers("evil.example")
    assert not HostSet().covers("")
