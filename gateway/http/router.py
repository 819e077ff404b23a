"""Serves the API: finds the handler of a request and sends its answer, or its error in the form of the API."""

import secrets
from collections.abc import Mapping

from gateway.http.admission import Room
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.errors import no_route, problem_of, wrong_method
from gateway.http.exchange import Answer, Exchange, Handler, Routes, Streamed
from gateway.http.responses import send_answer, send_stream

# No cookies are involved: the credential stands in a header that the page sets itself.
ON_EVERY_ANSWER = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Retry-After, X-Request-Id",
}
ON_PREFLIGHTS = {
    **ON_EVERY_ANSWER,
    "access-control-allow-methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "access-control-max-age": "86400",
    "vary": "Access-Control-Request-Headers",
}
DEFAULT_HEADERS = "authorization, content-type, idempotency-key"

PREFIX = "/v1"

Methods = Mapping[str, Handler]
Segments = tuple[str, ...]


def preflight_headers(asked: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that allow what a preflight asks for: pages add headers of their own."""
    allowed = asked.get("access-control-request-headers", DEFAULT_HEADERS)
    return {**ON_PREFLIGHTS, "access-control-allow-headers": allowed}


class Api:
    """The API, as an ASGI application. A path without placeholders comes before one with."""

    def __init__(self, routes: Routes, room: Room) -> None:
        self._room = room
        paths: dict[str, dict[str, Handler]] = {}
        for route in routes:
            paths.setdefault(route.operation.path, {})[route.operation.method] = route.handler
        self._own_paths = frozenset(path for path in paths if "{" not in path)
        self._fixed = {_split(path): methods for path, methods in paths.items() if "{" not in path}
        self._as_written = {"/".join(segments).encode(): methods for segments, methods in self._fixed.items()}
        self._patterns = [(_split(path), methods) for path, methods in paths.items() if "{" in path]

    def serves(self, path: str) -> bool:
        """Tell whether a path is ours to answer, if only with 404."""
        return path == PREFIX or path.startswith(f"{PREFIX}/") or path in self._own_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = secrets.token_hex(8)
        stay = self._room.stay()
        exchange = Exchange(scope, receive, request_id, stay.hold)
        headers = headers_of(request_id)
        if exchange.method == "OPTIONS":
            await send_answer(send, Answer(204), {**preflight_headers(exchange.headers), **headers})
            return
        answer: Answer | Streamed
        try:
            with stay:
                answer = await self._handler(exchange)(exchange)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            problem = problem_of(error, request_id)
            await exchange.body.discard()
            answer = Answer(problem.status, problem.body(), problem.headers)
        if isinstance(answer, Streamed):
            await send_stream(receive, send, answer, headers)
        else:
            await send_answer(send, answer, headers)

    def _handler(self, exchange: Exchange) -> Handler:
        methods = self._find(exchange)
        handler = methods.get(exchange.method)
        if handler is None:
            raise wrong_method(exchange.method, [*methods, "OPTIONS"])
        return handler

    def _find(self, exchange: Exchange) -> Methods:
        # As a rule nothing in a path needs to be decoded.
        if methods := self._as_written.get(exchange.scope["raw_path"]):
            return methods
        segments = exchange.segments()
        if methods := self._fixed.get(segments):
            return methods
        for pattern, methods in self._patterns:
            parameters = _match(pattern, segments)
            if parameters is not None:
                exchange.parameters = parameters
                return methods
        raise no_route()


def headers_of(request_id: str) -> dict[str, str]:
    """Return the headers that every answer has."""
    return {**ON_EVERY_ANSWER, "x-request-id": request_id, "cache-control": "no-store"}


def _split(path: str) -> Segments:
    return tuple(path.split("/"))


def _match(pattern: Segments, segments: Segments) -> dict[str, str] | None:
    """Return the values of a pattern's placeholders, none of them empty; None where it does not match."""
    if len(pattern) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{") and segment:
            parameters[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return parameters
