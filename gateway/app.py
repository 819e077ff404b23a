"""The gateway as one ASGI application: short links first, then the API, then what operators ask."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from gateway.api import Api
from gateway.clients import Services
from gateway.json_text import Value, dumps
from gateway.own_operations import OPERATIONS
from gateway.redirect import Redirects

_FIXED_HEADERS = [(b"cache-control", b"no-store")]
_ROBOTS = b"User-agent: *\nDisallow:\n"


@dataclass(frozen=True, slots=True)
class Gateway:
    """All that serves requests."""

    redirects: Redirects
    api: Api
    services: Services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        if self.api.serves(path):
            await self.api(scope, receive, send)
        elif path in _OWN_PATHS:
            status, content_type, body = await self._own(path)
            await _send(send, status, content_type, b"" if scope["method"] == "HEAD" else body)
        else:
            await self.redirects(scope, send)

    async def _own(self, path: str) -> tuple[int, bytes, bytes]:
        """Return what one of our own paths answers."""
        if path == "/robots.txt":
            return 200, b"text/plain", _ROBOTS
        if path == "/favicon.ico":
            return 204, b"", b""
        is_ready = path == "/healthz" or await self.services.are_healthy()
        shown: Value = {"status": "ok" if is_ready else "unavailable"}
        return 200 if is_ready else 503, b"application/json", dumps(shown)


_OWN_PATHS = frozenset(operation.path for operation in OPERATIONS)

Open = Callable[[], AbstractAsyncContextManager[Gateway]]


class Application:
    """Opens the gateway when the server starts, and closes it when the last request has been answered."""

    def __init__(self, open_gateway: Open) -> None:
        self._open = open_gateway
        self._gateway: Gateway | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as ASGI asks."""
        if scope["type"] == "http" and self._gateway is not None:
            await self._gateway(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._open() as self._gateway:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _send(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [*_FIXED_HEADERS, (b"content-type", content_type)] if content_type else list(_FIXED_HEADERS)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
