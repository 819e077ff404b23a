"""What the gateway serves: one table of routes, from which requests are answered and the API's document is written."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.http.errors import problem_of
from gateway.http.exchange import Answer, Exchange, Streamed
from gateway.http.operation import Operation

Handler: TypeAlias = Callable[[Exchange], Awaitable[Answer | Streamed]]


@dataclass(frozen=True, slots=True)
class Style:
    """How a family of routes answers."""

    headers: Callable[[str], Mapping[str, str]]
    """The headers of every answer, by the request's id."""
    answer_to: Callable[[Exception, Exchange], Answer]
    """The answer to what went wrong."""
    is_for_programs: bool = False
    """Whether other sites' pages may call them, and their requests are counted against the room that there is.

    All others answer to HEAD what they would to GET.
    """


# No cookies are involved: the credential stands in a header that the page sets itself.
_ON_EVERY_ANSWER = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Retry-After, X-Request-Id",
}
_ON_PREFLIGHTS = {
    **_ON_EVERY_ANSWER,
    "access-control-allow-methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "access-control-max-age": "86400",
    "vary": "Access-Control-Request-Headers",
}
_USUALLY_ASKED = "authorization, content-type, idempotency-key"


def preflight_headers(asked: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that allow what a preflight asks for: pages add headers of their own."""
    allowed = asked.get("access-control-request-headers", _USUALLY_ASKED)
    return {**_ON_PREFLIGHTS, "access-control-allow-headers": allowed}


def api_headers(request_id: str) -> dict[str, str]:
    """Return the headers that every answer of the API has."""
    return {**_ON_EVERY_ANSWER, "x-request-id": request_id, "cache-control": "no-store"}


def error_answer(error: BaseException, exchange: Exchange) -> Answer:
    """Return the answer to what went wrong, in the form of the API."""
    problem = problem_of(error, exchange.request_id)
    return Answer(problem.status, problem.body(), problem.headers)


API = Style(api_headers, error_answer, is_for_programs=True)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path: what serves it, and what it says of itself."""

    operation: Operation
    handler: Handler | None
    """None where a fast path has answered each such request before."""
    style: Style = API


Routes: TypeAlias = Sequence[Route]
