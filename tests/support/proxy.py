"""A TCP proxy that cuts, stalls, and swallows replies: the faults of a network, on purpose and at a chosen moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from cli.embedded.ports import LOOPBACK, free_port

HTTP2_HEAD_BYTES = 9
HTTP2_HEADERS = 1
# PostgreSQL's CommandComplete of a COMMIT.
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"

SeesReply = Callable[[bytes], bool]
"""Tells of each piece that a server sends on one connection whether a reply begins in it."""


def any_reply() -> SeesReply:
    """Take whatever a server says for a reply: HTTP and Redis speak only when they are asked."""
    return bool


def commit_reply() -> SeesReply:
    """Take PostgreSQL's word that a transaction is committed for the reply."""
    return lambda data: COMMITTED in data


def grpc_reply() -> SeesReply:
    """Take a frame of headers for the reply; a gRPC server also says much that is none."""
    return _Frames().has_headers


class _Frames:
    """Walks the HTTP/2 frames of one direction of a connection."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def has_headers(self, data: bytes) -> bool:
        """Tell whether the head of a frame of headers is completed in these bytes."""
        at, found = 0, False
        while at < len(data):
            if self._left:
                skipped = min(self._left, len(data) - at)
                self._left -= skipped
                at += skipped
                continue
            taken = data[at : at + HTTP2_HEAD_BYTES - len(self._head)]
            self._head += taken
            at += len(taken)
            if len(self._head) == HTTP2_HEAD_BYTES:
                found = found or self._head[3] == HTTP2_HEADERS
                self._left = int.from_bytes(self._head[:3], "big")
                self._head = b""
        return found


@dataclass(eq=False, slots=True)
class Drop:
    """A reply to be swallowed: the next one on the connection that first carries `marker` to the server.

    An empty marker is carried by whatever is sent next. The connection is cut, or left open and mute. `dropped` is the
    piece in which the reply began.
    """

    marker: bytes
    is_cut: bool
    dropped: "asyncio.Future[bytes]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Proxy:
    """Listens on a port of its own and passes everything on to `target`, a port that may change between connections."""

    def __init__(self, target: Callable[[], int], new_eye: Callable[[], SeesReply]) -> None:
        self.port = free_port()
        self.is_stalled = False
        self.new_eye = new_eye
        self.target = target
        self.drops: list[Drop] = []
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self).client, LOOPBACK, self.port)

    async def stop(self) -> None:
        """Listen no more and cut every connection."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*(connection.finish() for connection in self.connections))

    def cut(self) -> None:
        """Reset every connection."""
        for connection in list(self.connections):
            connection.cut()

    def stall(self, *, is_stalled: bool) -> None:
        """Pass nothing on, in either direction, until told otherwise."""
        self.is_stalled = is_stalled
        for connection in self.connections:
            connection.apply()

    def drop_reply(self, marker: bytes = b"", *, is_cut: bool = True) -> Drop:
        """Swallow one reply; its `dropped` is done at that moment. `forget` it where it may not come."""
        drop = Drop(marker, is_cut)
        self.drops.append(drop)
        return drop

    def forget(self, drop: Drop) -> None:
        """Swallow nothing for this one any more."""
        if drop in self.drops:
            self.drops.remove(drop)
        for connection in self.connections:
            connection.disarm(drop)
        drop.dropped.cancel()


class _Connection:
    """A client's connection and ours to the server."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._sees_reply = proxy.new_eye()
        self._drop: Drop | None = None
        self._tail = b""
        self._is_mute = False
        self._connecting: asyncio.Task[None] | None = None
        self.client = _End(self.client_sent, self)
        self.server = _End(self.server_sent, self)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, LOOPBACK, self._proxy.target())
        except OSError:
            self.server.is_closed = True
            self.cut()
            self.closed(self.server)

    async def finish(self) -> None:
        """Reset both ends and return when they are gone."""
        if self._connecting is not None:
            await self._connecting
        self.cut()
        await self.client.is_gone.wait()
        if not self.server.is_closed:
            await self.server.is_gone.wait()

    def opened(self, end: "_End") -> None:
        """Go on: to the server, once the client is there; to work, once both are."""
        if end is self.client:
            self._proxy.connections.add(self)
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
        elif self.client.is_closed:
            self.cut()
        self.apply()

    def closed(self, end: "_End") -> None:
        """Close the other end too, once it has what is under way to it."""
        other = self.server if end is self.client else self.client
        other.close()
        if self.client.is_closed and self.server.is_closed:
            self._proxy.connections.discard(self)

    def client_sent(self, data: bytes) -> None:
        """Pass a request on, and look whether it is the one whose reply is to be swallowed."""
        if self._drop is None and self._proxy.drops:
            self._arm(self._tail + data)
            self._tail = data[-256:]
        self.server.write(data)

    def server_sent(self, data: bytes) -> None:
        """Pass a reply on, unless it is to be swallowed."""
        has_reply = self._sees_reply(data)
        if self._drop is not None and has_reply:
            drop, self._drop = self._drop, None
            self._is_mute = True
            if not drop.dropped.done():
                drop.dropped.set_result(data)
            if drop.is_cut:
                self.cut()
        elif not self._is_mute:
            self.client.write(data)

    def disarm(self, drop: Drop) -> None:
        """Swallow nothing for this one."""
        if self._drop is drop:
            self._drop = None

    def cut(self) -> None:
        """Reset both ends."""
        self.client.abort()
        self.server.abort()

    def apply(self) -> None:
        """Read where that is allowed: nothing is stalled, and the other end takes what is read."""
        self.client.read(if_=self.server.is_open and not self._proxy.is_stalled and not self.server.is_full)
        self.server.read(if_=not self._proxy.is_stalled and not self.client.is_full)

    def _arm(self, sent: bytes) -> None:
        for drop in self._proxy.drops:
            if drop.marker in sent:
                self._drop = drop
                self._proxy.drops.remove(drop)
                return


class _End(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self, received: Callable[[bytes], None], connection: _Connection) -> None:
        self._received = received
        self._connection = connection
        self._transport: asyncio.Transport | None = None
        # What is read before the other side is there; uvloop does not let itself be kept from reading that early.
        self._early: list[bytes] = []
        self.is_gone = asyncio.Event()
        self.is_open = False
        self.is_closed = False
        self.is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True
        self._transport.writelines(self._early)
        self._early.clear()
        self._connection.opened(self)

    def data_received(self, data: bytes) -> None:
        self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (a cut is a cut)
        self.is_open, self.is_closed = False, True
        self.is_gone.set()
        self._connection.closed(self)

    def pause_writing(self) -> None:
        self.is_full = True
        self._connection.apply()

    def resume_writing(self) -> None:
        self.is_full = False
        self._connection.apply()

    def write(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif self.is_open:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def read(self, *, if_: bool) -> None:
        if self._transport is None or not self.is_open or self._transport.is_closing():
            return
        if if_:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
