"""The least of an HTTP client: one connection, one request at a time, and the truth about answers that never came."""

import asyncio
from dataclasses import dataclass

from cli.embedded.ports import LOOPBACK

# Longer than any deadline of the gateway: who waits in vain so long has lost the answer.
PATIENCE_SECONDS = 15.0
_LENGTH = b"\r\ncontent-length:"


class AnswerLostError(Exception):
    """No whole answer came. What was asked for may have been done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the head as it came but in lower case names, and the body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header, named in lower case."""
        return _value(self.head, b"\r\n" + name + b":")


class Connection:
    """A kept-alive connection to a port of this machine, opened again when it is lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Return the answer to a request; raise `AnswerLostError` where none came."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reader, writer = self._streams or await self._open()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = _value(head, _LENGTH)
                body = await reader.readexactly(int(length)) if length else b""
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            raise AnswerLostError(type(error).__name__) from error
        if (_value(head, b"\r\nconnection:") or b"").lower() == b"close":
            await self.close()
        return Answer(int(head[9:12]), head, body)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.transport.abort()
        # The loop tells the transport in its next turn.
        await asyncio.sleep(0)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection(LOOPBACK, self._port)
        return self._streams


def get(path: str, user_agent: str) -> bytes:
    """Return a request for a short link, as a phone sends it."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {user_agent}\r\nAccept: text/html\r\n\r\n".encode()


def post(path: str, body: bytes, credential: str | None, *headers: str) -> bytes:
    """Return a request that posts JSON."""
    proof = () if credential is None else (f"Authorization: Bearer {credential}",)
    lines = (
        f"POST {path} HTTP/1.1", "Host: localhost", *proof,
        "Content-Type: application/json", f"Content-Length: {len(body)}", *headers,
    )  # fmt: skip
    return "\r\n".join((*lines, "", "")).encode() + body


def _value(head: bytes, name: bytes) -> bytes | None:
    at = head.lower().find(name)
    if at < 0:
        return None
    start = at + len(name)
    return head[start : head.index(b"\r\n", start)].strip()
