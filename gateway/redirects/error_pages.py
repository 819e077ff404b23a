"""What a person or a program sees where there is no redirect."""

from functools import lru_cache

from common.errors import Fault, FaultType
from gateway.http.asgi import RawHeaders
from gateway.http.errors import Problem, problem_of
from gateway.http.exchange import Answer, Exchange
from gateway.http.routes import Style
from gateway.templating import HTML, filled, page_headers

HEADERS = {**page_headers("style-src 'unsafe-inline'"), "vary": "Accept"}
"""What goes with each of these answers."""

# Names neither the destination nor the business.
BLOCKED = Problem(410, [Fault(FaultType.NOT_ALLOWED, None, "This link has been blocked.")])
"""The answer for a link that the operator has blocked, or that leads to a host that is refused."""

_WORDS: dict[int, tuple[str, str]] = {
    404: ("This link does not exist", "Please check that the address is complete."),
    410: ("This link has expired", "It no longer leads anywhere."),
    503: (
        "One moment, please",
        "This link cannot be opened right now. It is tried again by itself in {seconds} seconds.",
    ),
}
_BLOCKED_WORDS = (
    "This link has been blocked",
    "Whoever runs this short link service has blocked it, and it no longer leads anywhere. You can close this page.",
)
_OTHER = ("This did not work", "Please try the link again.")
# Programs may come sooner; a page that comes again each second could not be read, and thousands of phones would.
PAGE_RETRY_SECONDS = 3
# There are a few, but for faults of ours, which name their request.
KEPT_PAGES = 32


def page_of(problem: Problem, headers: RawHeaders, *, is_link: bool) -> Answer:
    """Return a page for people, or JSON where `Accept` asks for it.

    Where it asks for neither, what looks like a short link is answered for people, all else for programs.
    """
    if wants_json(headers, is_link=is_link):
        return Answer(problem.status, problem.body(), problem.headers)
    title, text = _BLOCKED_WORDS if problem is BLOCKED else _WORDS.get(problem.status, _OTHER)
    if problem.status not in _WORDS:
        text = " ".join(fault.description for fault in problem.faults) or text
    if "retry-after" not in problem.headers:
        return Answer(problem.status, _filled(title, text), problem.headers, HTML)
    seconds = str(max(PAGE_RETRY_SECONDS, int(problem.headers["retry-after"])))
    body = _filled(title, text.replace("{seconds}", seconds), "Try again")
    return Answer(problem.status, body, {**problem.headers, "retry-after": seconds, "refresh": seconds}, HTML)


@lru_cache(KEPT_PAGES)
def _filled(title: str, text: str, again: str = "") -> bytes:
    """Return the page; `again` are the words of a link to the page's own address."""
    return filled("no_redirect.html", title=title, text=text, again=again)


# Seen by nobody as a rule. It does not come again by itself: that would look like a person's click.
PREFETCHED = Answer(
    503, _filled("One moment, please", "This link opens when you tap it.", "Open the link"), content_type=HTML
)


def _error_page(error: Exception, exchange: Exchange) -> Answer:
    is_link = "code" in exchange.parameters and exchange.method in ("GET", "HEAD")
    return page_of(problem_of(error, exchange.request_id), exchange.scope["headers"], is_link=is_link)


STYLE = Style(lambda _request_id: HEADERS, _error_page)
"""How short links answer, and what leads nowhere."""


def wants_json(headers: RawHeaders, *, is_link: bool) -> bool:
    """Tell whether a request asks for JSON rather than for a page; is_link: whether it came for a short link."""
    accept = b",".join(value for name, value in headers if name == b"accept").lower()
    as_json, as_html = accept.find(b"json"), accept.find(b"text/html")
    if as_json >= 0:
        return as_html < 0 or as_json < as_html
    return as_html < 0 and not is_link
