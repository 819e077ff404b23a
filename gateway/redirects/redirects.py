"""Answers hits on short links: the hot path, without a framework around it."""

import re
import secrets
from asyncio import Future

from clicktrail.shortener.v1 import redirect_service_pb2 as redirect
from common.errors import Fault, FaultType
from gateway.addresses import ClientAddresses, network_of
from gateway.http.errors import RETRY_AFTER_SECONDS, Problem, RefusedError, problem_of, refused
from gateway.http.exchange import Answer
from gateway.http.responses import Reply, header_lines_of, reply_of
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.redirects.error_pages import BLOCKED, HEADERS, PREFETCHED, page_of
from gateway.redirects.hits import HitRequest, hit_of
from gateway.rpc.batcher import Batcher

HitBatcher = Batcher[redirect.Hit, redirect.Outcome]

# Nothing else may stand in a header: a line break there would begin another header.
_SAFE_LOCATION = re.compile(r"[\x21-\x7e]+")

_ON_REDIRECTS = header_lines_of(
    {
        "content-length": "0",
        "cache-control": "private, no-store",
        # The shop may see that its visitor comes from the short link, but never its path over plain HTTP.
        "referrer-policy": "no-referrer-when-downgrade",
        "x-robots-tag": "noindex",
    }
)

_UNKNOWN = refused(404, FaultType.NOT_FOUND, "This link does not exist.").problem
_REFUSALS: dict[int, Problem] = {
    redirect.OUTCOME_KIND_GONE: refused(410, FaultType.NOT_FOUND, "This link has expired.").problem,
    redirect.OUTCOME_KIND_UNAVAILABLE: Problem(
        503,
        [Fault(FaultType.UNAVAILABLE, None, "This link cannot be opened at the moment; try again.")],
        {"retry-after": str(RETRY_AFTER_SECONDS)},
    ),
}


class Redirects:
    """Turns `GET /{code}` into a redirect, once its click is safe."""

    def __init__(self, batcher: HitBatcher, limits: RateLimits, client_addresses: ClientAddresses) -> None:
        self._batcher = batcher
        self._limits = limits
        self._client_addresses = client_addresses

    def submit(self, request: HitRequest) -> Future[redirect.Outcome]:
        """Send a hit. Raises UNAVAILABLE (`OVERLOADED`) at once where too many are waiting."""
        batcher = self._batcher
        return batcher.submit(hit_of(request, batcher.shard_byte, self._client_addresses))

    def reply_to(self, request: HitRequest, resolved: Future[redirect.Outcome]) -> Reply:
        """Return the answer to a hit with the outcome that it has now."""
        try:
            outcome = resolved.result()
            if outcome.kind == redirect.OUTCOME_KIND_REDIRECT:
                return Reply(302, b"location: %b\r\n%b" % (_safe(outcome.location), _ON_REDIRECTS), b"")
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            return self.reply_to_failed(request, error)
        if outcome.kind == redirect.OUTCOME_KIND_PREFETCH:
            # No fault: the browser asks again at the real click.
            return _reply(request, PREFETCHED)
        if outcome.kind == redirect.OUTCOME_KIND_NOT_FOUND:
            return self._reply_to_unknown(request)
        unavailable = _REFUSALS[redirect.OUTCOME_KIND_UNAVAILABLE]
        problem = BLOCKED if outcome.is_blocked else _REFUSALS.get(outcome.kind, unavailable)
        return _reply(request, page_of(problem, request.headers, is_link=True))

    def _reply_to_unknown(self, request: HitRequest) -> Reply:
        """Return the answer to a code that there is not: a guess, where there are many of them."""
        address = self._client_addresses.of(request.peer, request.headers)
        try:
            self._limits.take_as_stranger(BudgetKind.UNKNOWN_CODES, network_of(address))
        except RefusedError as error:
            return self.reply_to_failed(request, error)
        return _reply(request, page_of(_UNKNOWN, request.headers, is_link=True))

    def reply_to_failed(self, request: HitRequest, error: Exception) -> Reply:
        """Return the answer to a hit that came to nothing."""
        return _reply(request, page_of(problem_of(error, secrets.token_hex(8)), request.headers, is_link=True))


def _safe(location: str) -> bytes:
    """Return a location as it stands in a header. Raises `ValueError` for what would break it."""
    if not _SAFE_LOCATION.fullmatch(location):
        raise ValueError("The location of a link is not fit for a header.")
    return location.encode("ascii")


def _reply(request: HitRequest, answer: Answer) -> Reply:
    return reply_of(answer, HEADERS, is_head=request.is_head)
