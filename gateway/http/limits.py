"""The limits of a connection, and what is answered beyond them."""

import secrets

import httptools

from common.errors import FaultType
from gateway.http.errors import RETRY_AFTER_SECONDS, Problem, problem_of, refused
from gateway.http.exchange import Answer
from gateway.http.responses import Reply, reply_of

# Of a head, which is all kept until it ends: twice of what the usual proxies let through, and more than browsers send.
HEAD_BYTES = 16 * 1024
HEAD_LINES = 100
HEAD_SECONDS = 10.0
# Requests that came before the answer to the one before; each of them takes memory.
WAITING_LIMIT = 256

_COME_AGAIN = {"retry-after": str(RETRY_AFTER_SECONDS)}

NOT_HTTP = refused(400, FaultType.INVALID, "This is not a request of HTTP/1.1.").problem
CUT_SHORT = refused(400, FaultType.INVALID, "The request ended early.").problem
NO_PATH = refused(400, FaultType.INVALID, "The address has no path.").problem
NOT_ONE_HOST = refused(400, FaultType.INVALID, "The request must have one Host header.").problem
BAD_HOST = refused(400, FaultType.INVALID, "The Host header must be a host name or an IP address.").problem
SLOW_HEAD = refused(408, FaultType.INVALID, f"The headers took more than {HEAD_SECONDS:.0f} seconds.").problem
LONG_TARGET = refused(414, FaultType.INVALID, "The address is too long.").problem
LONG_HEAD = refused(
    431, FaultType.TOO_LARGE, f"The headers have more than {HEAD_LINES} lines or {HEAD_BYTES} bytes."
).problem
OTHER_CODING = refused(501, FaultType.INVALID, "Transfer-Encoding must be chunked, or absent.").problem
OTHER_VERSION = refused(505, FaultType.INVALID, "Only HTTP/1.0 and HTTP/1.1 are spoken here.").problem
CROWDED = refused(
    503, FaultType.UNAVAILABLE, "There are too many connections at the moment; try again.", **_COME_AGAIN
).problem
HURRIED = refused(
    503, FaultType.UNAVAILABLE, f"More than {WAITING_LIMIT} requests wait on this connection; try again.", **_COME_AGAIN
).problem


def problem_behind(error: BaseException | None) -> Problem:
    """Return why a request could not be taken. What is a fault of ours is logged."""
    if isinstance(error, httptools.HttpParserInvalidURLError):
        return NOT_HTTP
    return problem_of(error or RuntimeError("A callback failed without a word."), secrets.token_hex(8))


def reply_to(problem: Problem) -> Reply:
    """Return the answer to a request that is not taken."""
    return reply_of(Answer(problem.status, problem.body(), problem.headers), {"cache-control": "no-store"})
