"""Sessions in orders: by the names that we give them, and in the addresses on which visitors landed."""

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from clicktrail.common.v1.options_pb2 import SharedRules
from common.field_rules import pattern_of, rules
from tracking_service.platforms.platform import Shop

# What the page's script writes, and what links write whose business has chosen no name.
OUR_NAMES = ("hello_session", "hellotext_session", "hellotext_session_id")
_SESSION = pattern_of(rules(SharedRules, "session"))
_LONGEST_ADDRESS = 8192
_MOST_CANDIDATES = 5


def names_of(shop: Shop) -> tuple[str, ...]:
    """Return the names under which an order may hold a session, the business's own first.

    A parameter such as `attributes[hello_session]`, which Shopify turns into an attribute, has its inner name too.
    """
    inner = (name.rpartition("[")[2].rstrip("]") for name in shop.session_parameters if name.endswith("]"))
    return tuple(dict.fromkeys((*shop.session_parameters, *inner, *OUR_NAMES)))


def candidates(shop: Shop, *, explicit: Iterable[str] = (), addresses: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what may be the session of an order, strongest first: what the order says, then what addresses hold."""
    told = [*explicit, *(session for address in addresses for session in _in_address(address, shop))]
    return tuple(dict.fromkeys(text.strip() for text in told if _SESSION.fullmatch(text.strip())))[:_MOST_CANDIDATES]


def _in_address(address: str, shop: Shop) -> Iterator[str]:
    if len(address) > _LONGEST_ADDRESS:
        return
    # Shops' programs keep addresses as they stand in pages at times.
    address = address.replace("&amp;", "&").replace("&#038;", "&")
    # Of a name that is there twice the first counts, as in browsers.
    query = dict(reversed(parse_qsl(address.partition("#")[0].partition("?")[2], errors="replace")))
    yield from (query[name] for name in names_of(shop) if name in query)
