"""The gateway: one ASGI application, and what is answered without ASGI."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from common.errors import FaultType
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.errors import Problem, no_route, refused, wrong_method
from gateway.http.exchange import Answer, answer
from gateway.http.fast_path import FastPaths
from gateway.http.responses import send_answer
from gateway.http.router import PREFIX, Api
from gateway.probes import OWN_OPERATIONS, Readiness
from gateway.redirects.error_pages import HEADERS, page_of
from gateway.redirects.fast_path import is_code
from gateway.redirects.preview import LinkPages
from gateway.reports.pages import ROOT
from gateway.reports.site import ReportSite
from gateway.reports.watch import Watches

METHODS = ("GET", "HEAD")
PATH_LENGTH_LIMIT = 2_048

_OWN_HEADERS = {"cache-control": "no-store"}
_ROBOTS = b"User-agent: *\nDisallow:\n"
_OWN_PATHS = frozenset(operation.path for operation in OWN_OPERATIONS)
TAKEN = frozenset({*_OWN_PATHS, PREFIX, ROOT})
"""Paths that look like those of short links, and that no link can have."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """All that serves requests."""

    fast_paths: FastPaths
    api: Api
    readiness: Readiness
    report_site: ReportSite
    link_pages: LinkPages
    watches: Watches

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request that no fast path has taken."""
        path: str = scope["path"]
        if self.api.serves(path):
            return self.api(scope, receive, send)
        if path in _OWN_PATHS:
            return self._answer_own(scope, send)
        if self.report_site.serves(path):
            return self.report_site(scope, receive, send)
        if self.link_pages.serves(path):
            return self.link_pages(scope, send)
        return send_answer(send, _misdirected(scope), HEADERS, is_head=scope["method"] == "HEAD")

    def end_streams(self) -> None:
        """End what has no end of its own: nobody could wait for it."""
        self.watches.close()

    async def _answer_own(self, scope: Scope, send: Send) -> None:
        """Answer a request for one of our own paths."""
        await send_answer(send, await self._own_if_asked(scope), _OWN_HEADERS, is_head=scope["method"] == "HEAD")

    async def _own_if_asked(self, scope: Scope) -> Answer:
        """Return what one of our own paths answers, or the refusal of a method that it does not have."""
        if scope["method"] not in METHODS:
            problem = wrong_method(scope["method"], METHODS).problem
            return Answer(problem.status, problem.body(), problem.headers)
        return await self._own(scope["path"])

    async def _own(self, path: str) -> Answer:
        """Return what one of our own paths answers."""
        if path == "/robots.txt":
            return Answer(200, _ROBOTS, content_type="text/plain")
        if path == "/favicon.ico":
            return Answer(204)
        return await self.readiness.answer() if path == "/readyz" else answer(200, {"status": "ok"})


def _misdirected(scope: Scope) -> Answer:
    """Return the answer to a request for nothing that is there."""
    return page_of(_problem_of(scope), scope["headers"], is_link=False)


def _problem_of(scope: Scope) -> Problem:
    if len(scope["path"]) > PATH_LENGTH_LIMIT:
        return refused(414, FaultType.INVALID, "The address is too long.").problem
    return wrong_method(scope["method"], METHODS).problem if is_code(scope["path"]) else no_route().problem


Open = Callable[[], AbstractAsyncContextManager[Gateway]]


class Application:
    """Opens the gateway when the server starts, and closes it when the last request has been answered."""

    def __init__(self, open_gateway: Open, connections: int) -> None:
        self._open = open_gateway
        self._gateway: Gateway | None = None
        self.connections = connections
        """How many connections there may be; those beyond are told to come again."""

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
        return self._live(receive, send) if self._gateway is None else self._gateway(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._open() as self._gateway:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
