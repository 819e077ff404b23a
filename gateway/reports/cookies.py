"""Keeps the signatures of report links in cookies, so that addresses, which are written down everywhere, hold none."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from common.clock import now
from gateway.http.exchange import Answer, Exchange

PATH = "/reports"
SIGNATURE, LINK, COOKIES = OPENING = ("signature", "link", "cookies")
"""The parameters that open reports: the signature; what names a link that the browser has kept; and, beside the
signature, that the browser was asked to keep it, so that it is not asked again where it does not."""
# A cookie a link, each of at most 200 bytes: those that were kept first make room, or heads became too long.
KEPT_LINKS = 20

_NAME = "clicktrail_report_"
# Such as a full stop or a bracket behind it.
_STUCK = re.compile(r"[^A-Za-z0-9_-]+\Z")
# Enough that no two links of one browser are taken for each other; no secret: it says which cookie to look at.
_HANDLE_LENGTH = 16
_HANDLE = re.compile(rf"[0-9a-f]{{{_HANDLE_LENGTH}}}")


def opening(query: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a query that open reports, each without what a message has stuck to the address."""
    return {name: _STUCK.sub("", query[name]) for name in OPENING if name in query}


def signature_of(exchange: Exchange) -> str | None:
    """Return the signature that a request brings, in its query or in the cookie that this names; None: neither."""
    query = opening(dict(exchange.query()))
    if SIGNATURE not in query and LINK in query:
        return _kept_as(exchange, query[LINK])
    return query.get(SIGNATURE)


def clean_address(exchange: Exchange, until: datetime) -> Answer | None:
    """Return what leads a browser from a signature that opens something to an address without it.

    The browser is asked to keep it first, until it opens nothing any more, and comes back at once: with the cookie, or
    without, and then its addresses go on with the signature. None where there is nothing to clean, or no way.
    """
    query = dict(exchange.query())
    signature = opening(query).get(SIGNATURE)
    if signature is None:
        return None
    others = {name: value for name, value in query.items() if name not in OPENING}
    handle = _handle_of(signature)
    if _kept_as(exchange, handle):
        return _to(exchange, {LINK: handle, **others}, _forgetting_oldest(exchange, handle))
    if COOKIES in query:
        return None
    return _to(exchange, {SIGNATURE: signature, COOKIES: "off", **others}, _keeping(exchange, signature, until))


def _handle_of(signature: str) -> str:
    """Return what names a link in addresses without opening it."""
    return sha256(signature.encode()).hexdigest()[:_HANDLE_LENGTH]


def _kept_as(exchange: Exchange, handle: str) -> str | None:
    return next((value for name, value in _kept(exchange) if name == handle == _handle_of(value)), None)


def _to(exchange: Exchange, query: dict[str, str], cookie: str | None) -> Answer:
    path = exchange.scope["raw_path"].decode("latin-1")
    headers = {"location": f"{path}?{urlencode(query)}"}
    return Answer(303, headers=headers | ({"set-cookie": cookie} if cookie else {}))


def _keeping(exchange: Exchange, signature: str, until: datetime) -> str:
    seconds = max(0, int((until - now()).total_seconds()))
    return f"{_NAME}{_handle_of(signature)}={signature}; Max-Age={seconds}; {_attributes(exchange)}"


def _forgetting_oldest(exchange: Exchange, handle: str) -> str | None:
    """Return the cookie that makes room, where a browser keeps 20 links beside this one."""
    others = [name for name, _ in _kept(exchange) if name != handle and _HANDLE.fullmatch(name)]
    if len(others) < KEPT_LINKS:
        return None
    # Browsers send first what they were given first.
    return f"{_NAME}{others[0]}=; Max-Age=0; {_attributes(exchange)}"


def _attributes(exchange: Exchange) -> str:
    # Lax: a link in a mail must open; no other site's page gets it with what it loads or sends.
    secure = "; Secure" if _is_https(exchange.every("x-forwarded-proto")) else ""
    return f"Path={PATH}; HttpOnly; SameSite=Lax{secure}"


def _is_https(forwarded: Iterable[str]) -> bool:
    # Also of a proxy that nobody told us of: whoever claims it falsely gets a cookie that is not sent back to him.
    return any(proto.strip().lower() == "https" for line in forwarded for proto in line.split(","))


def _kept(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield handle and signature of each link, in the order that the browser sends them."""
    for line in exchange.every("cookie"):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name.startswith(_NAME):
                yield name.removeprefix(_NAME), value
