"""Which addresses may be connected to: those that the whole internet routes, and nothing inside."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
# What some versions of `ipaddress` call global, or leads to another address than it shows.
_REFUSED: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "192.0.0.0/24",  # Assignments of the IETF.
        "192.88.99.0/24",  # Relays of 6to4.
        "2001::/23",  # Assignments of the IETF, Teredo among them.
        "2001:db8::/32",  # Documentation.
        "2002::/16",  # 6to4.
        "3fff::/20",  # Documentation.
    )
)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that a mapped or a NAT64 address leads to, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Tell whether an address leads to one that is routed globally, and to a single machine."""
    target = unwrapped(address)
    if isinstance(target, IPv6Address) and target not in _UNICAST:
        return False
    return target.is_global and not target.is_multicast and not any(target in network for network in _REFUSED)


def may_be_reached(text: str, allowed_networks: Sequence[Network]) -> bool:
    """Tell whether an address as the resolver writes it is public, or within a network that is allowed."""
    address = ip_address(text)
    return is_public(address) or is_within(address, allowed_networks)


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether an address leads into one of the networks."""
    target = unwrapped(address)
    return any(target in network for network in networks)
