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
