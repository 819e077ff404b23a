"""The gateway: one ASGI application, and what is answered without ASGI."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from gateway.http.admission import Connections
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.router import Router
from gateway.http.turns import FastPaths
from gateway.reports.watch import Watches


@dataclass(frozen=True, slots=True)
class Gateway:
    """All that serves requests."""

    fast_paths: FastPaths
    router: Router
    watches: Watches

    def end_streams(self) -> None:
        """End what has no end of its own: nobody could wait for it."""
        self.watches.close()


Open = Callable[[], AbstractAsyncContextManager[Gateway]]


class Application:
    """Opens the gateway when the server starts, and closes it when the last request has been answered."""

    def __init__(self, open_gateway: Open, connections: Connections) -> None:
        self._open = open_gateway
        self._gateway: Gateway | None = None
        self.connections = connections
        """The connections that there are; those beyond what there may be are told to come again."""

    @property
    def gateway(self) -> Gateway:
        """The gateway, once it is open: before, the server lets nobody in."""
        if self._gateway is None:
            raise RuntimeError("The gateway is not open yet.")
        return self._gateway

    @property
    def fast_paths(self) -> FastPaths:
        """What is answered without ASGI."""
        return self.gateway.fast_paths

    def end(self) -> None:
        """End streams, which have no end of their own."""
        self.gateway.end_streams()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve as ASGI asks, until the end of the lifespan."""
        return self._live(receive, send) if self._gateway is None else self._gateway.router(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._open() as self._gateway:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
