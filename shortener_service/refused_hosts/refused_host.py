"""Hosts that no link may lead to, and what tells whether one is among them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RefusedHost:
    """A host that no link may lead to, in the form in which hosts are compared, and why (""): with its subdomains."""

    name: str
    refused_at: datetime
    reason: str = ""


class HostSet:
    """Hosts and their subdomains."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(names)

    def covers(self, host: str) -> bool:
        """Tell whether a host, in the form in which hosts are compared, is one of them or below one."""
        names = self._names
        while names:
            if host in names:
                return True
            _, dot, host = host.partition(".")
            if not dot:
                break
        return False
