"""A server guards its calls: deadlines, errors, health. With a real gRPC server and client."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from clicktrail.shortener.v1 import (
    domain_service_pb2,
    domain_service_pb2_grpc,
    redirect_service_pb2,
    redirect_service_pb2_grpc,
)
from common.errors import ClicktrailError, Fault, FaultType, Kind, Reason, invalid, unavailable
from common.rpc.channels import open_channel
from common.rpc.errors import from_rpc_error
from common.rpc.interceptors import CALLS_LIMIT
from common.rpc.server import ALIVE, GrpcServer
from tests.support.waiting import eventually

SERVICE = "clicktrail.shortener.v1.DomainService"
FAULTS = [Fault(FaultType.INVALID, "name", "That is no host name."), Fault(FaultType.PARAMETER_MISSING, None, "More.")]


class Domains(domain_service_pb2_grpc.DomainServiceServicer):
    """Fails in a different way for each domain, and lists them when it is let."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.is_let = asyncio.Event()

    async def ListDomains(
        self, request: domain_service_pb2.ListDomainsRequest, _context: object
    ) -> domain_service_pb2.ListDomainsResponse:
        """Wait, and return none."""
        del request
        self.is_asked.set()
        await self.is_let.wait()
        return domain_service_pb2.ListDomainsResponse()

    async def RegisterDomain(
        self, request: domain_service_pb2.RegisterDomainRequest, _context: object
    ) -> domain_service_pb2.RegisterDomainResponse:
        """Raise what the name asks for."""
        raise {
            "invalid": invalid(FAULTS),
            "away": unavailable(Reason.STORE_DOWN, "Redis is away.", retry_after_seconds=3),
            "broken": RuntimeError("the secret of the inside"),
        }[request.domain.name]


class Redirects(redirect_service_pb2_grpc.RedirectServiceServicer):
    """Reads batches, and answers none."""

    async def ResolveBatches(
        self, request_iterator: AsyncIterator[redirect_service_pb2.ResolveBatchesRequest], _context: object
    ) -> AsyncIterator[redirect_service_pb2.ResolveBatchesResponse]:
        """Read them."""
        async for request in request_iterator:
            if request.hits:
                yield redirect_service_pb2.ResolveBatchesResponse()


@dataclass(frozen=True)
class Served:
    """`Domains` behind a server, and a connection to it."""

    domains: Domains
    server: GrpcServer
    channel: aio.Channel

    @property
    def stub(self) -> domain_service_pb2_grpc.DomainServiceStub:
        """The client."""
        return domain_service_pb2_grpc.DomainServiceStub(self.channel)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Serve `Domains` and connect to it."""
    domains = Domains()  # type: ignore[abstract]  # two methods serve
    register = partial(domain_service_pb2_grpc.add_DomainServiceServicer_to_server, domains)
    streams = partial(redirect_service_pb2_grpc.add_RedirectServiceServicer_to_server, Redirects())  # type: ignore[abstract]
    server = GrpcServer("127.0.0.1:0", [SERVICE], [register, streams])
    await server.start()
    async with open_channel(f"ipv4:127.0.0.1:{server.port}") as channel:
        yield Served(domains, server, channel)
    await server.stop(1)


@pytest.fixture
def stub(served: Served) -> domain_service_pb2_grpc.DomainServiceStub:
    """Return the client of `Domains`."""
    return served.stub


def request(name: str) -> domain_service_pb2.RegisterDomainRequest:
    """Return a request that asks for a failure."""
    return domain_service_pb2.RegisterDomainRequest(domain=domain_service_pb2.Domain(name=name))


async def failure(stub: domain_service_pb2_grpc.DomainServiceStub, name: str) -> aio.AioRpcError:
    """Return the failure that a call ends with."""
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.RegisterDomain(request(name), timeout=60, wait_for_ready=True)
    return caught.value


async def test_an_error_arrives_whole(stub: domain_service_pb2_grpc.DomainServiceStub) -> None:
    """Kind, reason and every fault cross the wire."""
    error = from_rpc_error(await failure(stub, "invalid"))
    assert isinstance(error, ClicktrailError)
    assert (error.kind, error.reason, list(error.faults)) == (Kind.INVALID, Reason.INVALID_REQUEST, FAULTS)


async def test_unavailable_says_when_to_come_back(stub: domain_service_pb2_grpc.DomainServiceStub) -> None:
    """The time to wait crosses the wire."""
    error = from_rpc_error(await failure(stub, "away"))
    assert error is not None
    assert (error.kind, error.retry_after_seconds) == (Kind.UNAVAILABLE, 3)


async def test_a_fault_of_ours_shows_a_request_id_alone(stub: domain_service_pb2_grpc.DomainServiceStub) -> None:
    """What broke inside stays inside."""
    error = await failure(stub, "broken")
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.details())
    assert "request id" in str(error.details())
    assert from_rpc_error(error) is None


async def test_a_server_that_stops_under_a_call_is_unavailable(served: Served) -> None:
    """Whoever called may call again."""
    call = served.stub.ListDomains(domain_service_pb2.ListDomainsRequest(), timeout=60, wait_for_ready=True)
    await served.domains.is_asked.wait()
    await served.server.stop(0)
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    assert error is not None
    assert (error.kind, error.retry_after_seconds) == (Kind.UNAVAILABLE, 1)


async def test_calls_beyond_the_limit_are_refused_at_once(served: Served) -> None:
    """Those within it go on waiting, and are answered; health is told all the while."""

    async def refusal() -> ClicktrailError | None:
        try:
            await served.stub.ListDomains(domain_service_pb2.ListDomainsRequest(), timeout=60, wait_for_ready=True)
        except aio.AioRpcError as error:
            return from_rpc_error(error)
        return None

    calls = [asyncio.create_task(refusal()) for _ in range(CALLS_LIMIT + 20)]

    async def ended() -> list[ClicktrailError | None]:
        return [call.result() for call in calls if call.done()]

    refused = await eventually(ended, lambda ended: len(ended) == 20)
    assert {(error.reason, error.retry_after_seconds) for error in refused if error} == {(Reason.OVERLOADED, 1)}
    health = health_pb2_grpc.HealthStub(served.channel)
    assert await health.Check(health_pb2.HealthCheckRequest(), timeout=60)  # type: ignore[attr-defined]
    served.domains.is_let.set()
    assert (await asyncio.gather(*calls)).count(None) == CALLS_LIMIT


async def test_nobody_there_is_unavailable() -> None:
    """A call that reaches no server within its deadline is UNAVAILABLE, with a time to come back."""
    channel = open_channel("ipv4:127.0.0.1:1")
    stub = domain_service_pb2_grpc.DomainServiceStub(channel)
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.RegisterDomain(request("invalid"), timeout=0.2, wait_for_ready=True)
    error = from_rpc_error(caught.value)
    await channel.close()
    assert error is not None
    assert (error.kind, error.retry_after_seconds) == (Kind.UNAVAILABLE, 1)


async def test_health_follows_the_service() -> None:
    """NOT_SERVING until told otherwise."""
    server = GrpcServer("127.0.0.1:0", [SERVICE], [])
    await server.start()
    channel = open_channel(f"ipv4:127.0.0.1:{server.port}")
    health = health_pb2_grpc.HealthStub(channel)
    asked = health_pb2.HealthCheckRequest(service=SERVICE)
    before = await health.Check(asked, timeout=60, wait_for_ready=True)  # type: ignore[attr-defined]
    await server.set_serving(is_serving=True)
    after = await health.Check(asked, timeout=60)  # type: ignore[attr-defined]
    await channel.close()
    await server.stop(1)
    assert before.status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert after.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_server_that_waits_for_its_store_is_alive() -> None:
    """Health tells apart a process that answers from a service that serves."""
    server = GrpcServer("127.0.0.1:0", [SERVICE], [])
    await server.start()
    channel = open_channel(f"ipv4:127.0.0.1:{server.port}")
    health = health_pb2_grpc.HealthStub(channel)

    async def status(service: str) -> int:
        asked = health_pb2.HealthCheckRequest(service=service)
        answer = await health.Check(asked, timeout=5, wait_for_ready=True)  # type: ignore[attr-defined]
        return int(answer.status)

    waiting = await status(ALIVE), await status("")
    await server.set_serving(is_serving=True)
    serving = await status(ALIVE), await status("")
    await channel.close()
    await server.stop(1)
    assert waiting == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)
    assert serving == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.SERVING)


async def test_bytes_that_are_no_message_are_the_callers_fault(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are told so, whatever kind of call it is, without a line in the log."""
    paths = {
        "unary": f"/{SERVICE}/RegisterDomain",
        "stream": "/clicktrail.shortener.v1.RedirectService/ResolveBatches",
    }
    channel: Any = served.channel
    unary = channel.unary_unary(paths["unary"])(b"\xff\xff", timeout=60, wait_for_ready=True)
    stream = channel.stream_stream(paths["stream"])(iter([b"", b"\xff\xff"]), timeout=60, wait_for_ready=True)
    for answer in (unary, stream.read()):
        with pytest.raises(aio.AioRpcError) as caught:
            await answer
        error = from_rpc_error(caught.value)
        assert error is not None
        assert (error.kind, error.reason) == (Kind.INVALID, Reason.INVALID_REQUEST)
    lines = [line for line in "".join(capfd.readouterr()).splitlines() if "without a service key" not in line]
    assert lines == []
