"""Starts a gRPC server and stops it without dropping a call."""

import asyncio
import signal
from collections.abc import Callable, Sequence

from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from common.garbage import spare_what_stays
from common.logging import get_logger
from common.rpc.access import AccessControl
from common.rpc.interceptors import CallGuard
from common.rpc.security import OPEN, Security

log = get_logger(__name__)

MESSAGE_BYTES_LIMIT = 32 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_BYTES_LIMIT),
    # Each worker has a port of its own; sharing one sent every call to one of two workers.
    ("grpc.so_reuseport", 0),
    # Clients ping idle connections to notice a dead peer; the default forbids that.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)
# As gRPC writes that a time has no end.
UNLIMITED = 2**31 - 1
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
# A name of the health service that speaks of the process alone. Whatever ends hung processes asks for it: any other
# is NOT_SERVING also while a process waits for its store, which being started again would not bring back.
ALIVE = "alive"

Register = Callable[[aio.Server], None]


class GrpcServer:
    """A gRPC server with health checks and, if told so, reflection.

    Calls are opened by the service keys that its security accepts, and by private tokens where it tells whose they are.

    Health is NOT_SERVING until `set_serving`, and again from the moment that draining begins. With an age, a connection
    takes no more calls once it is so old, give or take a tenth, and its client opens another one: a client asks again
    which servers there are only when it loses one, and would never call one that was started later.
    """

    def __init__(
        self,
        listen: str,
        services: Sequence[str],
        registrations: Sequence[Register],
        *,
        connection_age_seconds: float = 0,
        security: Security = OPEN,
    ) -> None:
        options = (*OPTIONS, *_ageing(connection_age_seconds))
        access = AccessControl(security.accepted, security.business_of, is_required=security.is_required)
        self._server = aio.server(interceptors=[CallGuard(access)], options=options)
        self._services = ("", *services)
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for register in registrations:
            register(self._server)
        if security.has_reflection:
            names = (*services, "grpc.health.v1.Health", reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        if security.tls is None:
            self.port = self._server.add_insecure_port(listen)
        else:
            self.port = self._server.add_secure_port(listen, security.tls.server_credentials())

    async def start(self) -> None:
        """Begin to accept calls."""
        spare_what_stays()
        await self._set(NOT_SERVING)
        await self._health.set(ALIVE, SERVING)
        await self._server.start()

    async def set_serving(self, *, is_serving: bool) -> None:
        """Tell health checks whether calls can be served."""
        await self._set(SERVING if is_serving else NOT_SERVING)

    async def stop(self, drain_seconds: float) -> None:
        """Refuse new calls and give those under way this long to finish."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(drain_seconds)

    async def _set(self, status: int) -> None:
        for service in self._services:
            await self._health.set(service, status)


def _ageing(seconds: float) -> tuple[tuple[str, int], ...]:
    """Return the options that let connections age; none where they never do.

    What is under way on an old connection goes on there to its own end, for as long as it takes: a bulk creation of
    millions of links is one call. Each call has a deadline, so that none stays for ever.
    """
    if not seconds:
        return ()
    return (("grpc.max_connection_age_ms", round(seconds * 1000)), ("grpc.max_connection_age_grace_ms", UNLIMITED))


async def until_stopped() -> None:
    """Return when the process is asked to stop, by SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    log.info("stopping")
