"""Finds loopback ports that nothing listens on."""

import random
import socket
import sys
from pathlib import Path

from cli.embedded.errors import ServerFailed

LOOPBACK = "127.0.0.1"
_RANGE_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 15_000
_HIGHEST = 32_000
_TRIES = 200
# What this process has taken: a second caller comes before the first one listens.
_taken: set[int] = set()


def free_port() -> int:
    """Return a loopback port that is free at this moment, and take it: each time another one.

    Drawn at random from below the ports that the system gives to outgoing connections: from among those, a client
    could take the port while its server restarts, or even connect to itself. It may be lost to another program before
    it is used: `ServerProcess` then takes another.
    """
    highest = min(_HIGHEST, _first_port_of_clients() - 1)
    lowest = min(_LOWEST, highest - 1_000)
    for _ in range(_TRIES):
        port = random.randint(lowest, highest)  # noqa: S311  (not a secret)
        if take_port(port):
            return port
    raise ServerFailed(f"No free port was found on {LOOPBACK} between {lowest} and {highest}.")


def take_port(port: int) -> bool:
    """Take a loopback port until this process ends; tell whether it was free and no other process had taken it.

    Who takes it is free to listen there now, later, and again after a restart of its server.
    """
    if port in _taken or not is_free(LOOPBACK, port) or not _reserve(port):
        return False
    _taken.add(port)
    return True


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _reserve(port: int) -> bool:
    """Hold an abstract Unix socket named after the port: the kernel gives it to one process, and takes it back."""
    if sys.platform != "linux":
        # Other systems have none: there two processes may still be given the same port.
        return True
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(f"\0clicktrail-port-{port}")
    except OSError:
        holder.close()
        return False
    # Nobody closes it: it lasts as long as the process.
    holder.detach()
    return True


def _first_port_of_clients() -> int:
    try:
        return int(_RANGE_OF_CLIENTS.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _HIGHEST + 1
