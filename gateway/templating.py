"""Fills the templates of pages; whatever stands in them is escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HTML = "text/html; charset=utf-8"
FOLDER = Path(__file__).with_name("templates")

_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def filled(name: str, **values: Any) -> bytes:
    """Return a page: a template filled with these values."""
    return _environment.get_template(name).render(values).encode()


def page_headers(policy: str) -> dict[str, str]:
    """Return what goes with a page that its visitor alone may see.

    It loads nothing but what `policy` names, as directives of a content security policy.
    """
    return {
        "cache-control": "private, no-store",
        # No other site may see the address: it may hold a signature, and is nobody else's business.
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "x-content-type-options": "nosniff",
        "content-security-policy": f"default-src 'none'; {policy}; base-uri 'none'; frame-ancestors 'none'",
    }
