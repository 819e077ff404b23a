"""Finds the route of a request, lets it answer, and sends the answer, or the error in the style of the route."""

import re
import secrets
from collections.abc import Mapping
from itertools import dropwhile
from operator import not_

from gateway.addresses import ClientAddresses
from gateway.http import limits
from gateway.http.admission import Room
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.errors import RefusedError, no_route, wrong_method
from gateway.http.exchange import Answer, Exchange, Streamed
from gateway.http.operation import Operation
from gateway.http.responses import send_answer, send_stream
from gateway.http.routes import Handler, Routes, Style, preflight_headers

Segments = tuple[str, ...]

PATH_LENGTH_LIMIT = 2_048

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Path:
    """One path of the table, with what serves each of its methods."""

    def __init__(self, operation: Operation, style: Style) -> None:
        self.style = style
        self.methods: dict[str, Handler | None] = {}
        self.is_fixed = "{" not in operation.path
        self._segments = [_pattern(segment, operation) for segment in operation.path.split("/")]

    def match(self, segments: Segments) -> dict[str, str] | None:
        """Return the values of its placeholders, none of them empty; None where a path is another."""
        if len(segments) != len(self._segments):
            return None
        parameters: dict[str, str] = {}
        for expected, segment in zip(self._segments, segments, strict=True):
            found = expected.fullmatch(segment)
            if found is None:
                return None
            parameters |= found.groupdict()
        return parameters

    def handler(self, method: str) -> Handler:
        """Return what serves a method. Raises the refusal with 405."""
        is_page = not self.style.is_for_programs
        handler = self.methods.get("GET" if is_page and method == "HEAD" else method)
        if handler is None:
            allowed = {**self.methods, "HEAD" if is_page else "OPTIONS": None}
            raise wrong_method(method, list(allowed))
        return handler


class Router:
    """The table of routes, as an ASGI application. A path without placeholders comes before one with.

    An address that is none of them is answered in the style of its first segment, such as `/v1`, or as all others.
    """

    def __init__(
        self,
        routes: Routes,
        styles: Mapping[str, Style],
        otherwise: Style,
        room: Room,
        client_addresses: ClientAddresses,
    ) -> None:
        self._room = room
        self._client_addresses = client_addresses
        self._styles = styles
        self._otherwise = otherwise
        paths: dict[str, Path] = {}
        for route in routes:
            path = paths.setdefault(route.operation.path, Path(route.operation, route.style))
            path.methods[route.operation.method] = route.handler
        self._fixed = {path: found for path, found in paths.items() if found.is_fixed}
        self._paths = sorted(paths.values(), key=lambda path: not path.is_fixed)

    @property
    def own_paths(self) -> frozenset[str]:
        """The paths that no link can have."""
        return frozenset({*self._fixed, *self._styles})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = secrets.token_hex(8)
        stay = self._room.stay()
        exchange = Exchange(scope, receive, request_id, stay, self._client_addresses)
        path = self._find(exchange)
        style = path.style if path else self._style_of(exchange.path)
        headers = style.headers(request_id)
        answer: Answer | Streamed
        try:
            if not style.is_for_programs:
                answer = await _handler(path, exchange)(exchange)
            elif exchange.method == "OPTIONS":
                answer = Answer(204, headers=preflight_headers(exchange.headers))
            else:
                with stay:
                    answer = await _handler(path, exchange)(exchange)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            answer = style.answer_to(error, exchange)
            await exchange.body.discard()
        if isinstance(answer, Streamed):
            await send_stream(receive, send, answer, headers)
        else:
            await send_answer(send, answer, headers)

    def _find(self, exchange: Exchange) -> Path | None:
        """Return the path of a request, if it is one of ours, and note the values of its placeholders."""
        # As a rule nothing in a path needs to be decoded.
        if path := self._fixed.get(exchange.scope["raw_path"].decode("latin-1")):
            return path
        if exchange.path in self._styles:
            return None
        segments = self._segments_of(exchange)
        for path in self._paths:
            parameters = path.match(segments)
            if parameters is not None:
                exchange.parameters = parameters
                return path
        return None

    def _segments_of(self, exchange: Exchange) -> Segments:
        """Return the segments of a path, without the empty ones that clients and proxies add.

        Some end every path with a slash, or put paths behind an address that ends with one: `//v1/links`, `/v1//links`.
        """
        segments = exchange.segments()
        segments = segments[:-1] if segments[-1:] == ("",) else segments
        if "" not in segments[1:]:
            return segments
        named = tuple(dropwhile(not_, segments))
        below = tuple(dropwhile(not_, named[1:]))
        # Further on an empty segment is an id that somebody did not have.
        return ("", named[0], *below) if below and f"/{named[0]}" in self._styles else segments

    def _style_of(self, path: str) -> Style:
        return self._styles.get("/" + path.removeprefix("/").partition("/")[0], self._otherwise)


def _handler(path: Path | None, exchange: Exchange) -> Handler:
    if path is not None:
        return path.handler(exchange.method)
    if len(exchange.path) > PATH_LENGTH_LIMIT:
        raise RefusedError(limits.LONG_TARGET)
    raise no_route()


def _pattern(segment: str, operation: Operation) -> re.Pattern[str]:
    """Return what a segment of a path may be: its placeholder as the parameter's schema says, else anything."""
    schemas = {parameter.name: parameter.schema for parameter in operation.parameters if parameter.place == "path"}
    pattern, at = "", 0
    for found in _PLACEHOLDER.finditer(segment):
        allowed = schemas.get(found[1], {}).get("pattern", ".+").removeprefix("^").removesuffix("$")
        pattern += f"{re.escape(segment[at : found.start()])}(?P<{found[1]}>{allowed})"
        at = found.end()
    return re.compile(pattern + re.escape(segment[at:]), re.DOTALL)
