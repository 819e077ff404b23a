"""The probe that container engines run every few seconds: alone, against real servers and against bad ones."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from grpc import aio

from cli.embedded.ports import free_port
from common import probe
from common.rpc.server import GrpcServer
from tests.integration.gateway.conftest import running_gateway
from tests.support.gateway.peers import Peers

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SETTINGS = probe._frame(probe.SETTINGS)
HEADERS = probe._frame(probe.HEADERS, b"\x88", probe.END_HEADERS, probe.STREAM)
SERVES = b"\x00\x00\x00\x00\x02\x08\x01"


async def run(*arguments: str) -> tuple[int, str]:
    """Run the probe as container engines do; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-E", probe.__file__, *arguments, stderr=asyncio.subprocess.PIPE, cwd="/"
    )
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


def data(payload: bytes, flags: int = 0, stream: int = probe.STREAM) -> bytes:
    """Return a frame of data."""
    return probe._frame(probe.DATA, payload, flags, stream)


@asynccontextmanager
async def answering(talk: Talk) -> AsyncIterator[str]:
    """Serve TCP in this way; yield the address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def saying(*pieces: bytes, is_closed: bool = True) -> Talk:
    """Return what says these pieces, whatever it is asked, and then closes, or says no more."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            # One packet each.
            await asyncio.sleep(0.01)
        if not is_closed:
            await reader.read()

    return talk


@pytest_asyncio.fixture
async def server() -> AsyncIterator[GrpcServer]:
    """Run a server that serves."""
    server = GrpcServer("127.0.0.1:0", [], [])
    await server.start()
    await server.set_serving(is_serving=True)
    yield server
    await server.stop(0)


async def test_a_server_that_serves(server: GrpcServer) -> None:
    """Ends well and says nothing."""
    assert await run(f"127.0.0.1:{server.port}") == (0, "")
    assert await run("--timeout", "10", f"localhost:{server.port}") == (0, "")


async def test_a_server_that_does_not_serve_yet(server: GrpcServer) -> None:
    """Its own word decides."""
    await server.set_serving(is_serving=False)
    address = f"127.0.0.1:{server.port}"
    assert await run(address) == (1, f"{address} does not serve: its health is NOT_SERVING\n")


async def test_a_server_under_an_ipv6_address() -> None:
    """In brackets, as everywhere."""
    server = GrpcServer("[::1]:0", [], [])
    await server.start()
    await server.set_serving(is_serving=True)
    assert await run(f"[::1]:{server.port}") == (0, "")
    await server.stop(0)


async def test_a_server_that_knows_no_health() -> None:
    """A gRPC server that refuses the call does not serve."""
    other = aio.server()
    port = other.add_insecure_port("127.0.0.1:0")
    await other.start()
    assert await run(f"127.0.0.1:{port}") == (1, f"127.0.0.1:{port} does not serve: it refuses to tell its health\n")
    await other.stop(0)


async def test_what_another_client_hears(server: GrpcServer) -> None:
    """The probe leaves a server as it was: others go on being served, however often it asks."""
    async with aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        await channel.channel_ready()
        codes = await asyncio.gather(*(run(f"127.0.0.1:{server.port}") for _ in range(5)))
        assert codes == [(0, "")] * 5
        assert channel.get_state() is grpc.ChannelConnectivity.READY


async def test_nobody_there() -> None:
    """A port that nobody listens on is refused at once, in the system's words."""
    address = f"127.0.0.1:{free_port()}"
    assert await run(address) == (1, f"{address} does not serve: Connection refused\n")


async def test_a_host_without_an_address() -> None:
    """A name that nobody knows is a reason like another."""
    code, said = await run("nowhere.invalid:7001")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("nowhere.invalid:7001 does not serve: ")


async def test_a_port_that_takes_no_connection() -> None:
    """Where connections hang, the time that was given ends the probe."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as listener:
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)  # noqa: FBT003  (the only way to say so)
            client.connect_ex(address)
            waiting.append(client)
        target = f"127.0.0.1:{address[1]}"
        said = f"{target} does not serve: there was no whole answer within 0.2 s\n"
        assert await run("--timeout", "0.2", target) == (1, said)
        for client in waiting:
            client.close()


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b""], "it closed the connection without a whole answer"),
        ([SETTINGS, HEADERS], "it closed the connection without a whole answer"),
        ([SETTINGS, HEADERS, data(SERVES)[:-1]], "it closed the connection without a whole answer"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "it does not speak gRPC"),
        ([b"-ERR unknown command\r\n" * 10], "it does not speak gRPC"),
        ([SETTINGS * 200], "it does not speak gRPC"),
        ([SETTINGS, HEADERS, data(SERVES[:5])], "it closed the connection without a whole answer"),
        ([SETTINGS, HEADERS, data(bytes(5))], "its health is UNKNOWN"),
        ([SETTINGS, HEADERS, data(SERVES[:-1] + b"\x02")], "its health is NOT_SERVING"),
        ([SETTINGS, HEADERS, data(SERVES[:-1] + b"\x07")], "its health is unreadable"),
        ([SETTINGS, probe._frame(probe.RST_STREAM, bytes(4), 0, 1)], "it refuses to tell its health"),
        ([SETTINGS, data(SERVES, stream=3)], "it closed the connection without a whole answer"),
    ],
)  # fmt: skip
async def test_answers_that_are_none(pieces: list[bytes], reason: str) -> None:
    """Whatever a peer says that is not SERVING, the probe ends by itself and names it."""
    async with answering(saying(*pieces)) as target:
        assert await run("--timeout", "20", target) == (1, f"{target} does not serve: {reason}\n")


@pytest.mark.parametrize(
    "pieces",
    [
        [bytes([each]) for each in SETTINGS + HEADERS + data(SERVES)],
        [SETTINGS + HEADERS + data(SERVES[:3]) + data(SERVES[3:])],
        [SETTINGS, HEADERS, data(b"", 0), data(b"\x04" + SERVES + bytes(4), probe.PADDED)],
        [SETTINGS, probe._frame(6, bytes(8)), probe._frame(8, bytes(4)), HEADERS, data(SERVES)],
    ],
    ids=["byte by byte", "in two frames", "padded", "with pings and updates between"],
)
async def test_an_answer_in_any_form(pieces: list[bytes]) -> None:
    """HTTP/2 lets a server cut, pad and mix its frames."""
    async with answering(saying(*pieces, is_closed=False)) as target:
        assert await run("--timeout", "20", target) == (0, "")


@pytest.mark.parametrize("pieces", [[], [SETTINGS], [SETTINGS, HEADERS, data(SERVES)[:-1]]])
async def test_a_peer_that_falls_silent(pieces: list[bytes]) -> None:
    """The time that was given holds for all of it."""
    async with answering(saying(*pieces, is_closed=False)) as target:
        code, said = await run("--timeout", "0.3", target)
    assert (code, said) == (1, f"{target} does not serve: there was no whole answer within 0.3 s\n")


async def test_a_peer_that_never_ends() -> None:
    """A byte now and then does not keep the probe waiting beyond its time."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"\0")
            await asyncio.sleep(0.05)

    async with answering(talk) as target:
        code, said = await run("--timeout", "0.3", target)
    assert (code, said) == (1, f"{target} does not serve: there was no whole answer within 0.3 s\n")


async def test_the_gateway(tmp_path: Path) -> None:
    """Its readiness and its health, over HTTP, until it stops."""
    peers = Peers()
    await peers.start()
    async with running_gateway(peers.environment, tmp_path / "log") as gateway:
        unknown = f"{gateway.url}/v1/nowhere"
        assert await run(f"{gateway.url}/readyz") == (0, "")
        assert await run(f"{gateway.url}/healthz") == (0, "")
        assert await run(unknown) == (1, f"{unknown} does not serve: it answers 404\n")
        await peers.stop()
        assert await run(f"{gateway.url}/readyz") == (1, f"{gateway.url}/readyz does not serve: it answers 503\n")
    code, _ = await run(f"{gateway.url}/readyz")
    assert code == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"HTTP/1.1 200", "it closed the connection without a whole answer"),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n", "it answers 302"),
        (b"HTTP/1.1 \r\n\r\n", "it does not speak HTTP"),
        (b"200 OK\r\n\r\n", "it does not speak HTTP"),
        (b"\0" * 10_000, "it does not speak HTTP"),
    ],
)
async def test_http_answers_that_are_none(said: bytes, reason: str) -> None:
    """Only 200 is well."""
    async with answering(saying(said)) as target:
        told = f"http://{target} does not serve: {reason}\n"
        assert await run("--timeout", "20", f"http://{target}") == (1, told)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["localhost"], ["localhost:0"], ["localhost:65536"], [":7001"], ["::1:7001"], ["http://"], ["a:1", "b:2"],
        ["--timeout"], ["--timeout", "soon", "a:1"], ["--timeout", "0", "a:1"], ["--timeout", "inf", "a:1"],
    ],
)  # fmt: skip
async def test_a_wrong_command_line(arguments: list[str]) -> None:
    """What cannot be asked is told apart from what does not serve."""
    code, said = await run(*arguments)
    assert (code, said) == (2, f"{probe.USAGE}\n")
