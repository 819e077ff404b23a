"""The gateway as one ASGI application: short links first, then the API, then what operators ask."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from starlette.types import Receive, Scope, Send

from gateway import own_operations
from gateway.api import Api
from gateway.exchange import Answer, answer
from gateway.http_errors import wrong_method
from gateway.link_page import LinkPages
from gateway.readiness import Readiness
from gateway.redirect import METHODS, Redirects
from gateway.reports.site import ReportSite

_FIXED_HEADERS = [(b"cache-control", b"no-store")]
_ROBOTS = b"User-agent: *\nDisallow:\n"


@dataclass(frozen=True, slots=True)
class Gateway:
    """All that serves requests."""

    redirects: Redirects
    api: Api
    readiness: Readiness
    report_site: ReportSite
    link_pages: LinkPages

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        path: str = scope["path"]
        if self.api.serves(path):
            return self.api(scope, receive, send)
        if path in _OWN_PATHS:
            return self._answer_own(scope, send)
        if self.report_site.serves(path):
            return self.report_site(scope, receive, send)
        if self.link_pages.serves(path):
            return self.link_pages(scope, send)
        return self.redirects(scope, send)

    async def _answer_own(self, scope: Scope, send: Send) -> None:
        """Answer a request for one of our own paths."""
        await _send(send, await self._own_if_asked(scope))

    async def _own_if_asked(self, scope: Scope) -> Answer:
        """Return what one of our own paths answers, or the refusal of a method that it does not have."""
        if scope["method"] not in METHODS:
            problem = wrong_method(scope["method"], METHODS).problem
            return Answer(problem.status, problem.body(), problem.headers)
        found = await self._own(scope["path"])
        return replace(found, body=b"") if scope["method"] == "HEAD" else found

    async def _own(self, path: str) -> Answer:
        """Return what one of our own paths answers."""
        if path == "/robots.txt":
            return Answer(200, _ROBOTS, content_type="text/plain")
        if path == "/favicon.ico":
            return Answer(204)
        return await self.readiness.answer() if path == "/readyz" else answer(200, {"status": "ok"})


_OWN_PATHS = frozenset(operation.path for operation in own_operations.ALL)

Open = Callable[[], AbstractAsyncContextManager[Gateway]]


class Application:
    """Opens the gateway when the server starts, and closes it when the last request has been answered."""

    def __init__(self, open_gateway: Open) -> None:
        self._open = open_gateway
        self._gateway: Gateway | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve as ASGI asks, until the end of the lifespan."""
        # Each coroutine around another one would cost every redirect a little.
        return self._live(receive, send) if self._gateway is None else self._gateway(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._open() as self._gateway:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _send(send: Send, answered: Answer) -> None:
    headers = [*_FIXED_HEADERS, *((name.encode(), value.encode()) for name, value in answered.headers.items())]
    if answered.status != 204:  # noqa: PLR2004  (no content)
        headers.append((b"content-type", answered.content_type.encode()))
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body})
