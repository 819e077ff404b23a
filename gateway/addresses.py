"""Where requests come from: the client's address behind our own proxies, and the network that it is counted in."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_FORWARDED_FOR = b"x-forwarded-for"
# Whoever has an IPv6 address has at least so many more.
_NETWORK_BITS = 64
_KEPT_NETWORKS = 16_384


def peer_of(scope: Mapping[str, Any]) -> str:
    """Return the address of whoever is at the other end of a request's connection."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def client_address(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted_proxies: int) -> str:
    """Return the address of the client: the peer's, or what the outermost of our own proxies saw."""
    if not trusted_proxies:
        return peer
    lines = (value.decode("latin-1") for name, value in headers if name == _FORWARDED_FOR)
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    if len(hops) < trusted_proxies:
        return peer
    try:
        return str(ipaddress.ip_address(hops[-trusted_proxies]))
    except ValueError:
        return peer


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, or its network of 64 bits where it is an IPv6 address."""
    return _network_of_ipv6(address) if ":" in address else address


@lru_cache(_KEPT_NETWORKS)
def _network_of_ipv6(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), _NETWORK_BITS), strict=False).network_address)
