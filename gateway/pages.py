"""What a person or a program sees where there is no redirect."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Scope

from gateway.http_errors import Problem

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif }}
body {{ margin: 0; min-height: 100vh; min-height: 100svh; display: grid; place-items: center;
  background: #f6f6f4; color: #1c1c1a }}
main {{ max-width: 24rem; padding: 2rem; text-align: center }}
h1 {{ font-size: 1.4rem; line-height: 1.25; margin: 0 0 .5rem }}
p {{ margin: 0; color: #5d5d58 }}
a {{ display: inline-block; margin-top: 1.25rem; padding: .6rem 1.4rem; border: 1px solid; border-radius: .6rem;
  color: #0b57a4; text-decoration: none }}
a:focus-visible {{ outline: 3px solid; outline-offset: 3px }}
@media (prefers-color-scheme: dark) {{ body {{ background: #161615; color: #ececea }} p {{ color: #a3a39d }}
  a {{ color: #8ab8f0 }} }}
</style></head>
<body><main><h1>{title}</h1><p>{text}</p>{again}</main></body></html>
"""

_WORDS: dict[int, tuple[str, str]] = {
    404: ("This link does not exist", "Please check that the address is complete."),
    410: ("This link has expired", "It no longer leads anywhere."),
    503: (
        "One moment, please",
        "This link cannot be opened right now. It is tried again by itself in {seconds} seconds.",
    ),
}
_OTHER = ("This did not work", "Please try the link again.")
_AGAIN = '<a href="">{words}</a>'
# Programs may come sooner; a page that comes again each second could not be read, and thousands of phones would.
PAGE_RETRY_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Page:
    """A body, its type, and headers that say when to come again."""

    content_type: bytes
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


_JSON_TYPE = b"application/json"
_HTML_TYPE = b"text/html; charset=utf-8"


def page_of(problem: Problem, scope: Scope, *, is_link: bool) -> Page:
    """Return a page for people, or JSON where `Accept` asks for it.

    Where it asks for neither, what looks like a short link is answered for people, all else for programs.
    """
    if wants_json(scope, is_link=is_link):
        return Page(_JSON_TYPE, problem.body(), problem.headers)
    title, text = _WORDS.get(problem.status, _OTHER)
    if problem.status not in _WORDS:
        text = " ".join(fault.description for fault in problem.faults) or text
    if "retry-after" not in problem.headers:
        return Page(_HTML_TYPE, _filled(title, text), problem.headers)
    seconds = str(max(PAGE_RETRY_SECONDS, int(problem.headers["retry-after"])))
    body = _filled(title, text.replace("{seconds}", seconds), "Try again")
    return Page(_HTML_TYPE, body, {**problem.headers, "retry-after": seconds, "refresh": seconds})


def _filled(title: str, text: str, again: str = "") -> bytes:
    """Return the page; `again` are the words of a link to the page's own address."""
    link = _AGAIN.format(words=html.escape(again)) if again else ""
    return _PAGE.format(title=html.escape(title), text=html.escape(text), again=link).encode()


# Seen by nobody as a rule. It does not come again by itself: that would look like a person's click.
PREFETCHED = Page(_HTML_TYPE, _filled("One moment, please", "This link opens when you tap it.", "Open the link"))


def wants_json(scope: Scope, *, is_link: bool) -> bool:
    """Tell whether a request asks for JSON rather than for a page; is_link: whether it came for a short link."""
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept").lower()
    as_json, as_html = accept.find(b"json"), accept.find(b"text/html")
    if as_json >= 0:
        return as_html < 0 or as_json < as_html
    return as_html < 0 and not is_link
