"""Tell which source brought a visitor, by the UTM parameters that a page saw: the one evidence that counts."""

import json
from collections.abc import Container
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from tracking_service.attribution.rules import OtherSource

# What we write into links ourselves; a business's own are also those of its links.
OURS = frozenset({"hellotext", "clicktrail"})


def source_of(utm_text: str | None) -> str | None:
    """Return the source that an event's UTM parameters, a JSON text, name, as sources are compared; None: none."""
    name = _members(utm_text).get("source")
    return normalised(name) if isinstance(name, str) else None


def other_source(utm_text: str | None, occurred_at: datetime, own: Container[str]) -> OtherSource | None:
    """Return the source that brought a visitor, where it is external.

    It was seen when the parameters say, else at the event's time, and never later than that.
    """
    name = source_of(utm_text)
    if name is None or name in OURS or name in own:
        return None
    return OtherSource(name, min(_time(_members(utm_text).get("observed_at")) or occurred_at, occurred_at))


def link_sources(utm_source: str, destination: str) -> set[str]:
    """Return the sources that pages see behind a link: its own, and that of its destination's query."""
    try:
        query = urlsplit(destination).query
    except ValueError:
        query = ""
    told = [utm_source, *(value for name, value in parse_qsl(query) if name == "utm_source")]
    return {source for text in told if (source := normalised(text))} - OURS


def normalised(name: str) -> str | None:
    """Return a source as sources are compared: without regard to case and surrounding space; None: it says nothing."""
    return name.strip().lower() or None


def _members(text: str | None) -> dict[str, object]:
    # Numbers as they stand: Python reads none of more than 4,300 digits, and a page may send one.
    value = None if text is None else json.loads(text, parse_int=str, parse_float=str)
    return value if isinstance(value, dict) else {}


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
