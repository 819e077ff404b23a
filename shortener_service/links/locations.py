"""Where a redirect leads: the destination with its own query and fragment, the UTM parameters and the session."""

from collections.abc import Container, Sequence
from urllib.parse import quote, unquote_plus

from shortener_service import destinations
from shortener_service.links.link import Template

# What the libraries on pages take a session from, whatever a link calls its own.
_READ_BY_PAGES = ("hello_session", "hellotext_session", "hellotext_session_id")


class Location:
    """The address that a template's links lead to, cut where the session goes in."""

    __slots__ = ("_pieces", "bare", "host")

    def __init__(self, template: Template, default_session_parameters: Sequence[str]) -> None:
        address = destinations.parse(template.destination)
        self.host = address.host
        """In the form in which hosts are compared."""
        names = template.session_parameters or tuple(default_session_parameters)
        query = _with_utm(_without(address.query, {*names, *_READ_BY_PAGES}), template.utm)
        self.bare = address.base + query + address.fragment
        """The location for hits that get no session."""
        start = address.base + query + _joint(query)
        # Brackets are not for a query as they are.
        first, *others = (quote(name, safe="") for name in names)
        self._pieces = (f"{start}{first}=", *(f"&{name}=" for name in others), address.fragment)

    def with_session(self, session: str) -> str:
        """Return the location that carries a session."""
        return session.join(self._pieces)


def _without(query: str, names: Container[str]) -> str:
    """Take a session out that an address was copied with: all visitors would share it."""
    pairs = query[1:].split("&")
    kept = [pair for pair in pairs if _name_of(pair) not in names]
    return query if len(kept) == len(pairs) else f"?{'&'.join(kept)}" if kept else ""


def _with_utm(query: str, utm: Sequence[tuple[str, str]]) -> str:
    """Add the UTM parameters that the query has not; what it has keeps its exact bytes."""
    present = {_name_of(pair) for pair in query[1:].split("&")}
    for name, value in utm:
        if (parameter := f"utm_{name}") not in present:
            query += f"{_joint(query)}{parameter}={quote(value, safe='')}"
    return query


def _name_of(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _joint(query: str) -> str:
    """Return what comes between a query and one more parameter."""
    if not query:
        return "?"
    return "" if query == "?" or query.endswith("&") else "&"
