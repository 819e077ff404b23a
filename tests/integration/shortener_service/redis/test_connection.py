"""One connection to Redis: whole replies, each to its own batch, or an error and no connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio.connection import parse_url
from redis.exceptions import BusyLoadingError, NoScriptError, RedisError, ResponseError

from cli.embedded.redis_server import RedisProgram
from cli.embedded.server_process import ServerProcess
from shortener_service.redis.connection import RedisConnection, connect, pack

PING = pack([("PING",)])

Serve = Callable[[bytes], Awaitable[RedisConnection]]


@pytest_asyncio.fixture
async def connection(redis_url: str) -> AsyncIterator[RedisConnection]:
    """Connect to a real server, by its password."""
    opened = await connect(parse_url(redis_url))
    yield opened
    opened.close()


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return what connects to a server that says one thing to whatever it is asked, and then hangs up."""
    servers: list[asyncio.Server] = []
    connections: list[RedisConnection] = []

    async def begin(says: bytes) -> RedisConnection:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1024)
            writer.write(says)
            writer.close()

        servers.append(await asyncio.start_server(answer, "127.0.0.1", 0))
        port = servers[-1].sockets[0].getsockname()[1]
        connections.append(await connect({"host": "127.0.0.1", "port": port}))
        return connections[-1]

    yield begin
    for connection in connections:
        connection.close()
    for server in servers:
        server.close()


async def test_replies_come_in_order_refusals_among_them(connection: RedisConnection) -> None:
    """A refusal stands in its place and leaves the connection as it was."""
    commands: list[tuple[str | bytes | int, ...]] = [
        ("SET", "a", b"\x00" * 100_000),
        ("EVALSHA", "0" * 40, 0),
        ("HGET", "a", "b"),
        ("GET", "a"),
    ]
    done, unknown, wrong, value = await connection.exchange(pack(commands), 4)
    assert (done, value) == (b"OK", b"\x00" * 100_000)
    assert isinstance(unknown, NoScriptError)
    assert isinstance(wrong, ResponseError)
    assert await connection.exchange(PING, 1) == [b"PONG"]


async def test_one_that_was_left_is_closed(connection: RedisConnection) -> None:
    """Replies that nobody waited for are not taken for the next batch's."""
    waiting = asyncio.create_task(connection.exchange(pack([("BLPOP", "nothing", 5)]), 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not connection.is_open
    with pytest.raises(RedisError):
        await connection.exchange(PING, 1)


@pytest.mark.parametrize(
    "says",
    [b"", b"+PONG\r\n", b"+PONG\r\n$5\r\nPO", b"what is this?\r\n"],
    ids=["nothing", "one of two", "half", "nonsense"],
)
async def test_whatever_is_no_reply_is_an_error(serve: Serve, says: bytes) -> None:
    """A server that breaks off or talks nonsense is left."""
    connection = await serve(says)
    with pytest.raises(RedisError):
        await connection.exchange(pack([("PING",), ("PING",)]), 2)
    assert not connection.is_open


async def test_what_nobody_asked_for_is_nobodys_reply(serve: Serve) -> None:
    """A server that says too much is left, before it is asked again."""
    connection = await serve(b"+PONG\r\n+MORE\r\n")
    assert await connection.exchange(PING, 1) == [b"PONG"]
    assert not connection.is_open


async def test_a_server_that_is_loading_is_away(serve: Serve) -> None:
    """What the server says of itself is no refusal of one command."""
    connection = await serve(b"-LOADING Redis is loading the dataset in memory\r\n")
    with pytest.raises(BusyLoadingError):
        await connection.exchange(PING, 1)
    assert not connection.is_open


async def test_a_wrong_password_is_refused(redis_url: str) -> None:
    """Whoever is not let in has no connection."""
    options: dict[str, Any] = dict(parse_url(redis_url))
    with pytest.raises(RedisError):
        await connect(options | {"password": "wrong"})


async def test_names_databases_and_sockets_are_understood(tmp_path: Path) -> None:
    """A server may be reached by a socket's path, as a user, in another database."""
    socket = tmp_path / "data" / "redis.sock"
    # Of the process, by the directory that it is started in: those above may be closed to it.
    further = (f"unixsocket {socket.name}", "unixsocketperm 777", "user ana on >secret ~* +@all")
    program = RedisProgram(tmp_path, "everysec", further=further)
    server = ServerProcess(program, log=tmp_path / "log", pid_file=tmp_path / "pid")
    server.start()
    try:
        connection = await connect(parse_url(f"unix://ana:secret@{socket}?db=3"))
        whoami, info = await connection.exchange(pack([("ACL", "WHOAMI"), ("CLIENT", "LIST")]), 2)
        connection.close()
    finally:
        server.stop()
    assert whoami == b"ana"
    assert b" db=3 " in info
