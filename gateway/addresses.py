"""Where requests come from: the client's address behind our own proxies, and the network that it is counted in."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Self

Network = IPv4Network | IPv6Network

_FORWARDED_FOR, _FORWARDED = b"x-forwarded-for", b"forwarded"
# An element of RFC 7239: pairs with semicolons between them, whose quoted values may hold any of these signs.
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.IGNORECASE)
# An address of either version, in brackets or not, and a port, which RFC 7239 lets a proxy write as a word.
_WRITTEN = re.compile(
    r"\[([^\[\]]+)\](?::[\w.-]*)?|([^:]+)(?::[\w.-]*)?|((?:[^:]*:){2,7}[^:]*)|((?:[^:]+:){7}[^:]+):\d+"
)
# As some proxies write into `X-Forwarded-For` what belongs into `Forwarded`.
_FOR_PREFIX = re.compile(r"^[\s\"']*for\s*=", re.IGNORECASE)
_QUOTES = "\"' \t"
_LONGEST = 100
# Whoever has an IPv6 address has at least so many more.
_NETWORK_BITS = 64
_KEPT = 16_384


class ClientAddresses:
    """Tells where requests come from, behind so many trusted proxies or behind those of trusted networks.

    What a proxy that is trusted did not see is never believed, and no such proxy's own address is the client's: where
    none can be told, the address is "".
    """

    def __init__(self, count: int = 0, networks: Sequence[Network] = ()) -> None:
        self._count = count
        self._networks = networks

    @classmethod
    def behind(cls, trusted: str) -> Self:
        """Return those behind a count of proxies, such as "2", or networks of theirs, such as "10.0.0.0/8, fd00::/8".

        Raises `ValueError`.
        """
        if trusted.strip().isdecimal():
            return cls(int(trusted))
        return cls(0, [ip_network(text.strip()) for text in trusted.split(",")])

    @property
    def is_direct(self) -> bool:
        """Whether clients come by themselves: there are no proxies."""
        return not self._count and not self._networks

    def of(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the client's address, an IPv4 address always as such; "" where it is not told."""
        if self._networks:
            return self._outside(peer, headers)
        if not self._count:
            return _address_in(peer)
        hops = _hops_in(headers)
        return _address_in(hops[-self._count]) if len(hops) >= self._count else ""

    def _outside(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the nearest address that is of no trusted network; where all are of one, the farthest."""
        address = _address_in(peer)
        if not self._is_trusted(address):
            return address
        for hop in reversed(hops := _hops_in(headers)):
            address = _address_in(hop)
            if not self._is_trusted(address):
                return address
        return address if hops else ""

    def _is_trusted(self, address: str) -> bool:
        if not address:
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


DIRECT = ClientAddresses()
"""Where no proxies are."""


def peer_of(scope: Mapping[str, Any]) -> str:
    """Return the address of whoever is at the other end of a request's connection."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, or its network of 64 bits where it is an IPv6 address."""
    return _network_of_ipv6(address) if ":" in address else address


def _hops_in(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return what proxies wrote of whom they saw, the nearest last, as it is written.

    `X-Forwarded-For` goes before `Forwarded`: a proxy that writes the former alone passes a client's own latter on.
    """
    lines: dict[bytes, list[str]] = {_FORWARDED_FOR: [], _FORWARDED: []}
    for name, value in headers:
        if name in lines:
            lines[name].append(value.decode("latin-1"))
    if lines[_FORWARDED_FOR]:
        return [hop for line in lines[_FORWARDED_FOR] for hop in line.split(",") if hop.strip()]
    return [hop for line in lines[_FORWARDED] for hop in _forwarded_hops(line)]


def _forwarded_hops(line: str) -> Iterator[str]:
    """Return the `for` of each element of RFC 7239; "" where it has none, as each element is a proxy's."""
    for element in _ELEMENT.findall(line):
        if element.strip():
            found = _FOR.search(element)
            yield found[1] if found else ""


@lru_cache(_KEPT)
def _address_in(written: str) -> str:
    """Return the address that is written in any way proxies do; "" where it is none, such as `unknown`."""
    text = _FOR_PREFIX.sub("", written).strip(_QUOTES) if len(written) <= _LONGEST else ""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return ""
    try:
        # The zone after a percent sign says something on the proxy's own machine alone.
        parsed = ip_address(next(filter(None, found.groups())).partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


@lru_cache(_KEPT)
def _network_of_ipv6(address: str) -> str:
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), _NETWORK_BITS), strict=False).network_address)
