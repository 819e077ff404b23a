"""Loads a gateway over many connections from one process.

`python -m benchmarks.loads.raw_load URL FILE CONNECTIONS SECONDS`.
Each connection has one request under way; those at the end are waited for, so that every answer is counted.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.loads.load import REDIRECT, USER_AGENT

_ANSWERED = f"HTTP/1.1 {REDIRECT}".encode()


class Client(asyncio.Protocol):
    """One connection that asks again whenever it is answered, until the time is over."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests = requests
        self._until = until
        self._seen = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.latencies: list[float] = []
        self.others = 0
        self.is_over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Count the answer once it is whole, and ask again."""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or len(body) < _length_of_body(head):
            return
        if head.startswith(_ANSWERED):
            self.latencies.append(time.perf_counter() - self._asked_at)
        else:
            self.others += 1
        self._seen = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End, also where the other side closed."""
        if not self.is_over.done():
            self.others += 1
            self.is_over.set_result(None)

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        if self._asked_at >= self._until:
            self.is_over.set_result(None)
        elif self._transport is not None:
            self._transport.write(next(self._requests))


def _length_of_body(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def load(url: str, paths: list[str], connections: int, seconds: float) -> dict[str, float]:
    """Load the URL and return the figures of `benchmarks.loads.load.Load`."""
    parts = urlsplit(url)
    head = f"HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: {USER_AGENT}\r\n\r\n"
    requests = cycle([f"GET {path} {head}".encode() for path in paths])
    begun = time.perf_counter()
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "", parts.port or 80
    clients = [
        (await loop.create_connection(lambda: Client(requests, begun + seconds), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.is_over for client in clients))
    taken = sorted(latency for client in clients for latency in client.latencies)
    return {
        "answered": len(taken),
        "others": sum(client.others for client in clients),
        "seconds": time.perf_counter() - begun,
        "p50_ms": _at(taken, 0.50) * 1000,
        "p99_ms": _at(taken, 0.99) * 1000,
    }


def _at(ordered: list[float], share: float) -> float:
    return ordered[int(len(ordered) * share)] if ordered else 0.0


def main() -> None:
    """Load as the arguments say, and print the figures as JSON."""
    url, path_file, connections, seconds = sys.argv[1:]
    paths = Path(path_file).read_text().split()
    print(json.dumps(uvloop.run(load(url, paths, int(connections), float(seconds)))))


if __name__ == "__main__":
    main()
