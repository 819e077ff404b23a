"""TLS between the services: by files, in both directions, with certificates that are replaced while all runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import ValidationError

from clicktrail.common.v1.access_pb2 import ROLE_TRACKING
from common.probe import NotServingError, require_serving
from common.rpc.channels import open_channel
from common.rpc.security import Security, service_security
from common.rpc.server import GrpcServer
from common.rpc.tls import TlsFolder
from common.settings.settings import ServiceSettings
from tests.support.certificates import Authority
from tests.support.waiting import eventually

SHORT_SECONDS = 1.0


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[int]:
    """Serve health with the certificates of a folder; give the port."""
    server = GrpcServer("127.0.0.1:0", [], [], security=Security(tls=TlsFolder(folder)))
    await server.start()
    await server.set_serving(is_serving=True)
    yield server.port
    await server.stop(0)


async def is_served(channel: aio.Channel) -> bool:
    """Ask whether a server serves; a connection that it does not take is no answer."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=SHORT_SECONDS, wait_for_ready=True)
    except aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def answers(port: int, tls: Path | None) -> bool:
    """Ask by a channel with the certificates of a folder."""
    security = Security(tls=TlsFolder(tls) if tls else None)
    async with open_channel(f"ipv4:127.0.0.1:{port}", security) as channel:
        return await is_served(channel)


@pytest.fixture
def authority() -> Authority:
    """Return an authority."""
    return Authority("ours")


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Path:
    """Return a folder with the certificate of a server."""
    authority.sign_into(tmp_path / "server", "server")
    return tmp_path / "server"


@pytest.fixture
def client(tmp_path: Path, authority: Authority) -> Path:
    """Return a folder with what a client trusts, and no certificate of its own."""
    folder = tmp_path / "client"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(authority.pem)
    return folder


async def test_a_client_that_trusts_the_authority_is_served(server: Path, client: Path, tmp_path: Path) -> None:
    """One that trusts another, and one that does not encrypt, are not."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "ca.crt").write_bytes(Authority("theirs").pem)
    async with served(server) as port:
        assert await answers(port, client)
        assert not await answers(port, other)
        assert not await answers(port, None)


async def test_clients_need_a_certificate_where_their_authority_is_given(
    server: Path, client: Path, authority: Authority
) -> None:
    """Of that authority, and of no other."""
    (server / "clients.crt").write_bytes(authority.pem)
    async with served(server) as port:
        assert not await answers(port, client)
        Authority("theirs").sign_into(client, "client")
        assert not await answers(port, client)
        authority.sign_into(client, "client")
        assert await answers(port, client)


async def test_certificates_are_replaced_without_a_restart(server: Path, client: Path) -> None:
    """The server shows the new one, and a channel that is open trusts the new authority, with the same stub."""
    async with served(server) as port:
        security = Security(tls=TlsFolder(client))
        async with open_channel(f"ipv4:127.0.0.1:{port}", security) as channel:
            assert await is_served(channel)
            new = Authority("new")
            new.sign_into(server, "server")
            (client / "ca.crt").write_bytes(new.pem)

            async def is_served_anew() -> bool:
                return await is_served(channel) and await answers(port, client)

            assert await eventually(is_served_anew, bool)


async def test_files_that_are_half_replaced_leave_what_was_there(server: Path, client: Path) -> None:
    """A certificate whose key is gone is none."""
    async with served(server) as port:
        assert await answers(port, client)
        (server / "tls.key").unlink()
        assert await answers(port, client)


async def test_the_probe_asks_by_tls(server: Path, authority: Authority) -> None:
    """With the certificate of the server itself, so also where clients need one; without TLS it gets no answer."""
    (server / "clients.crt").write_bytes(authority.pem)
    async with served(server) as port:
        target = f"127.0.0.1:{port}"
        await in_thread(target, str(server))
        with pytest.raises(NotServingError):
            await in_thread(target, None)


async def in_thread(target: str, tls: str | None) -> None:
    """Probe beside the server, which is in this thread."""
    await asyncio.to_thread(require_serving, target, 5.0, tls)


def test_a_service_without_a_certificate_does_not_start(tmp_path: Path) -> None:
    """Its settings are wrong, and the files that lack are named."""
    with pytest.raises(ValidationError, match=r"lacks tls\.crt and tls\.key"):
        ServiceSettings(tls_dir=tmp_path)


def test_tls_is_used_where_its_folder_is_set(server: Path) -> None:
    """And not otherwise."""
    assert service_security(ServiceSettings(tls_dir=server), ROLE_TRACKING).tls is not None
    assert service_security(ServiceSettings(), ROLE_TRACKING).tls is None
