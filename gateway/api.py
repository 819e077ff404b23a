"""Serves the API: finds the handler of a request and sends its answer, or its error in the form of the API."""

import secrets
from collections.abc import Mapping

from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from gateway.cors import ON_EVERY_ANSWER, preflight_headers
from gateway.exchange import Answer, Exchange, Handler, Routes
from gateway.http_errors import no_route, problem_of, wrong_method

_PREFIX = "/v1"
_NOT_KEPT: dict[str, str] = {"cache-control": "no-store"}

Methods = Mapping[str, Handler]


class Api:
    """The API, as an ASGI application. A path without placeholders comes before one with."""

    def __init__(self, routes: Routes) -> None:
        paths: dict[str, dict[str, Handler]] = {}
        for route in routes:
            paths.setdefault(route.operation.path, {})[route.operation.method] = route.handler
        self._fixed = {path: methods for path, methods in paths.items() if "{" not in path}
        self._patterns = [(compile_path(path)[0], methods) for path, methods in paths.items() if "{" in path]

    def serves(self, path: str) -> bool:
        """Tell whether a path is ours to answer, if only with 404."""
        return path == _PREFIX or path.startswith(f"{_PREFIX}/") or path in self._fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = secrets.token_hex(8)
        exchange = Exchange(scope, receive, request_id)
        if exchange.method == "OPTIONS":
            headers = [*preflight_headers(scope), (b"x-request-id", request_id.encode()), *_raw(_NOT_KEPT)]
            await _send(send, 204, headers, b"")
            return
        try:
            answer = await self._handler(exchange)(exchange)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            problem = problem_of(error, request_id)
            await exchange.body.discard()
            answer = Answer(problem.status, problem.body(), problem.headers)
        headers = [*ON_EVERY_ANSWER, (b"x-request-id", request_id.encode())]
        if answer.body:
            headers.append((b"content-type", answer.content_type.encode()))
        await _send(send, answer.status, [*headers, *_raw({**_NOT_KEPT, **answer.headers})], answer.body)

    def _handler(self, exchange: Exchange) -> Handler:
        methods = self._find(exchange)
        handler = methods.get(exchange.method)
        if handler is None:
            raise wrong_method(exchange.method, [*methods, "OPTIONS"])
        return handler

    def _find(self, exchange: Exchange) -> Methods:
        if methods := self._fixed.get(exchange.path):
            return methods
        for pattern, methods in self._patterns:
            if found := pattern.match(exchange.path):
                exchange.parameters = found.groupdict()
                return methods
        raise no_route()


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    if body:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
