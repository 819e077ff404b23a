"""Answers hits on short links: the hot path, without a framework around it."""

import re
import secrets

from starlette.types import Scope, Send

from clicktrail.shortener.v1 import redirect_service_pb2 as redirect
from common.errors import Fault, FaultType
from gateway.batcher import Batcher
from gateway.hits import hit_of
from gateway.http_errors import RETRY_AFTER_SECONDS, Problem, no_route, problem_of, refused, wrong_method
from gateway.no_redirect import PREFETCHED, Page, page_of

Flights = Batcher[redirect.Hit, redirect.Outcome]

PATH_LENGTH_LIMIT = 2_048
METHODS = ("GET", "HEAD")

_CODE = re.compile(r"/([A-Za-z0-9_-]{1,64})")
# Nothing else may stand in a header: a line break there would begin another header.
_SAFE_LOCATION = re.compile(r"[\x21-\x7e]+")

_ON_REDIRECTS = (
    (b"content-length", b"0"),
    (b"cache-control", b"private, no-store"),
    # The shop may see that its visitor comes from the short link, but never its path over plain HTTP.
    (b"referrer-policy", b"no-referrer-when-downgrade"),
    (b"x-robots-tag", b"noindex"),
)
_ON_OTHERS = (
    (b"cache-control", b"private, no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
)
_EMPTY = {"type": "http.response.body", "body": b""}

_REFUSALS: dict[int, Problem] = {
    redirect.OUTCOME_KIND_NOT_FOUND: refused(404, FaultType.NOT_FOUND, "This link does not exist.").problem,
    redirect.OUTCOME_KIND_GONE: refused(410, FaultType.NOT_FOUND, "This link has expired.").problem,
    redirect.OUTCOME_KIND_UNAVAILABLE: Problem(
        503,
        [Fault(FaultType.UNAVAILABLE, None, "This link cannot be opened at the moment; try again.")],
        {"retry-after": str(RETRY_AFTER_SECONDS)},
    ),
}


class Redirects:
    """Turns `GET /{code}` into a redirect, once its click is safe."""

    def __init__(self, flights: Flights, trusted_proxies: int) -> None:
        self._flights = flights
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one request, whatever its path."""
        found = _CODE.fullmatch(scope["path"])
        if found is None or scope["method"] not in METHODS:
            await _send_problem(send, scope, _misdirected(scope, is_code=found is not None), is_link=False)
            return
        try:
            outcome = await self._flights.submit(hit_of(scope, found[1], self._flights.lane, self._trusted_proxies))
            location = _location_of(outcome)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            await _send_problem(send, scope, problem_of(error, secrets.token_hex(8)), is_link=True)
            return
        if location:
            headers = [(b"location", location), *_ON_REDIRECTS]
            await send({"type": "http.response.start", "status": 302, "headers": headers})
            await send(_EMPTY)
        elif outcome.kind == redirect.OUTCOME_KIND_PREFETCH:
            # No fault: the browser asks again at the real click.
            await _send_page(send, scope, 503, PREFETCHED)
        else:
            problem = _REFUSALS.get(outcome.kind, _REFUSALS[redirect.OUTCOME_KIND_UNAVAILABLE])
            await _send_problem(send, scope, problem, is_link=True)


def _location_of(outcome: redirect.Outcome) -> bytes | None:
    """Return where a hit is redirected, if it is. Raises `ValueError` for what would break the header."""
    if outcome.kind != redirect.OUTCOME_KIND_REDIRECT:
        return None
    location = outcome.location
    if not _SAFE_LOCATION.fullmatch(location):
        raise ValueError("The location of a link is not fit for a header.")
    return location.encode("ascii")


def _misdirected(scope: Scope, *, is_code: bool) -> Problem:
    if len(scope["path"]) > PATH_LENGTH_LIMIT:
        return refused(414, FaultType.INVALID, "The address is too long.").problem
    return wrong_method(scope["method"], METHODS).problem if is_code else no_route().problem


async def _send_problem(send: Send, scope: Scope, problem: Problem, *, is_link: bool) -> None:
    await _send_page(send, scope, problem.status, page_of(problem, scope, is_link=is_link))


async def _send_page(send: Send, scope: Scope, status: int, page: Page) -> None:
    headers = [
        *_ON_OTHERS,
        (b"vary", b"Accept"),
        (b"content-type", page.content_type),
        (b"content-length", str(len(page.body)).encode()),
        *((name.encode(), value.encode()) for name, value in page.headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else page.body})
