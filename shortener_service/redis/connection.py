"""One connection to a Redis server: writes a batch of commands at once, and reads as many replies.

The library's own connections cost several times as much a batch, most of it for what is not needed here: checks of
health, retries, encodings.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import hiredis
from redis.asyncio.connection import DefaultParser, RedisSSLContext, SSLConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

Command = tuple[str | bytes | int, ...]
Reply = Any

_NOTHING = object()
_PORT = 6379
_TLS = "ssl_"


class RedisConnection(asyncio.Protocol):
    """A connection that is given one batch at a time. One that failed, or was left before all replies, is closed."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(replyError=DefaultParser.parse_error, notEnoughData=_NOTHING)
        self._transport: asyncio.Transport | None = None
        self._replies: list[Reply] = []
        self._expected = 0
        self._answered: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be given a batch."""
        return self._transport is not None

    async def exchange(self, packed: bytes, count: int) -> list[Reply]:
        """Return the replies to so many commands, refusals among them; raise `RedisError` where they do not come."""
        if self._transport is None:
            raise ConnectionLost("The connection was closed.")
        self._replies, self._expected = [], count
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(packed)
        try:
            await self._answered
        except BaseException:
            # What is still to come would be taken for the answer to the next batch.
            self.close()
            raise
        finally:
            self._answered = None
        return self._replies

    def close(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what came of the replies."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self._fail(ConnectionLost(f"The server does not speak Redis's protocol: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the caller that waits."""
        self._fail(ConnectionLost(f"The connection broke: {exc or 'closed by the server'}"))

    def _take(self, reply: Reply) -> None:
        if self._answered is None or self._answered.done():
            self._fail(ConnectionLost("The server sent what nobody asked for."))
        elif isinstance(reply, Exception) and not isinstance(reply, ResponseError):
            # No refusal of a command: the server as a whole is not ready.
            self._fail(reply)
        else:
            self._replies.append(reply)
            if len(self._replies) == self._expected:
                self._answered.set_result(None)

    def _fail(self, error: Exception) -> None:
        self.close()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)


async def connect(options: Mapping[str, Any]) -> RedisConnection:
    """Return a new connection to where the options of an address (`redis.asyncio.connection.parse_url`) lead."""
    loop = asyncio.get_running_loop()
    if path := options.get("path"):
        _, connection = await loop.create_unix_connection(RedisConnection, path)
    else:
        host, port = options.get("host", "localhost"), options.get("port", _PORT)
        _, connection = await loop.create_connection(RedisConnection, host, port, ssl=_tls(options))
    try:
        await _introduce(connection, options)
    except BaseException:
        connection.close()
        raise
    return connection


async def _introduce(connection: RedisConnection, options: Mapping[str, Any]) -> None:
    commands: list[Command] = []
    if options.get("password"):
        commands.append(("AUTH", *filter(None, (options.get("username"),)), options["password"]))
    if options.get("db"):
        commands.append(("SELECT", options["db"]))
    for command in commands:
        (reply,) = await connection.exchange(pack([command]), 1)
        if isinstance(reply, ResponseError):
            raise reply


def _tls(options: Mapping[str, Any]) -> Any:
    """Return the context of a TLS connection, None where there is to be none."""
    if options.get("connection_class") is not SSLConnection:
        return None
    given = {name.removeprefix(_TLS): value for name, value in options.items() if name.startswith(_TLS)}
    # What redis-py's own connections take for granted.
    usual: dict[str, Any] = {"cert_reqs": "required", "check_hostname": True}
    return RedisSSLContext(**(usual | given)).get()


def pack(commands: Sequence[Command]) -> bytes:
    """Return commands as they are sent."""
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub takes one-tuples
