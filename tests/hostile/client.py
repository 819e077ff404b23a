"""Speaks HTTP/1.1 over one connection from an address of one's own, as cheaply as can be: it shares the machine."""

import asyncio
from typing import NamedTuple, Self


class Answer(NamedTuple):
    """What came back: 0 where nothing did."""

    status: int
    seconds: float


class Client:
    """One connection, opened anew where it was closed."""

    def __init__(self, port: int, address: str) -> None:
        self._port = port
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def ask(self, request: bytes, seconds: float = 30) -> Answer:
        """Send a request and return its answer, whose body is read and dropped."""
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        status = 0
        try:
            async with asyncio.timeout(seconds):
                status = await self._exchange(request)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            self.close()
        return Answer(status, loop.time() - began_at)

    async def hold(self, request: bytes, seconds: float) -> None:
        """Send something and read whatever comes, for so long or until the other side ends it."""
        self.close()
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await self._opened()
                writer.write(request)
                while await reader.read(65_536):
                    pass
        except (OSError, TimeoutError):
            pass
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes) -> int:
        reader, writer = await self._opened()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if length:
            await reader.readexactly(length)
        if b"connection: close" in lines:
            self.close()
        return int(head[9:12])

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._address, 0))
        return self._streams


def get(path: str, **headers: str) -> bytes:
    """Return a request without a body."""
    return _head("GET", path, headers)


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Return a request with a body."""
    return _head("POST", path, {**headers, "content_length": str(len(body))}) + body


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n".encode()
