"""Which addresses servers of others may have."""

from ipaddress import ip_address, ip_network

import pytest

from tracking_service.outgoing.addresses import is_public, is_within, may_be_reached

PUBLIC = (
    "1.1.1.1",
    "93.184.215.14",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:1.1.1.1",  # Mapped.
    "64:ff9b::101:101",  # NAT64, as names look within a network that has nothing but IPv6.
)
REFUSED = (
    # Unspecified, loopback, and what a single machine calls itself.
    *("0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "::", "::1"),  # noqa: S104
    # Private, shared by a carrier, link-local with the metadata of clouds.
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "169.254.169.254"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1"),
    # Documentation, benchmarks, assignments of the IETF, reserved, broadcast.
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "198.18.0.1", "2001:2::1"),
    *("192.0.0.9", "192.88.99.1", "240.0.0.1", "255.255.255.255", "100::1", "5f00::1", "4000::1"),
    # Many machines at once.
    *("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    # One address within another: mapped, compatible, NAT64, local NAT64, 6to4, Teredo, ISATAP's own.
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "64:ff9b:1::101:101"),
    *("2002:7f00:1::1", "2002:101:101::1", "2001:0:101:101::1", "fe80::5efe:10.0.0.1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address: str) -> None:
    """What the whole internet routes may be connected to, also where it is written within another address."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_within_is_refused(address: str) -> None:
    """What leads into a network like our own is refused, however it is written."""
    assert not may_be_reached(address, ())


def test_a_network_is_allowed_by_name_alone() -> None:
    """An allowed network lets its own addresses through, and those that lead to them, and no other."""
    allowed = (ip_network("127.0.0.0/8"), ip_network("::1"))
    assert all(may_be_reached(address, allowed) for address in ("127.0.0.1", "::ffff:127.0.0.1", "::1"))
    assert not any(may_be_reached(address, allowed) for address in ("10.0.0.1", "::2", "169.254.169.254"))
    assert not is_within(ip_address("1.1.1.1"), allowed)
