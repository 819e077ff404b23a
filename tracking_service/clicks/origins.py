"""Tell what a click came from: derived once, when it is taken in, and kept with it."""

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import maxminddb
from ua_parser import parse

from tracking_service.clicks.delivery import Click
from tracking_service.clicks.value_caps import ValueCaps
from tracking_service.counters.breakdowns import QR, Origin

UNKNOWN = "unknown"
# No real one says more in more; a made-up one must not cost more.
_LONGEST_AGENT = 1_000
# The list takes some names out of the user agent as they stand. Each is a value of a breakdown, and in its index.
_LONGEST_NAME = 100
# User agents remembered, about 1 KB each: the same few thousand make nearly all clicks.
_AGENTS_REMEMBERED = 10_000
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})
# Browsers that were made for phones, whatever they run on.
_PHONES_BROWSERS = re.compile(
    r"opera mini|opera mobi|ucweb|ucbrowser|\bmidp|j2me|\bup\.(?:browser|link)|docomo|iemobile|\bipod|^\[fban/fb4a",
    re.IGNORECASE,
)
# Phones before there was Android. Their makers have made tablets with it since.
_OLD_PHONES = re.compile(
    r"kaios|nokia|series ?[346]0|symbian|sonyericsson|blackberry|bb10|windows phone|\bbrew\b|\bbada\b|maemo|maui|mmp/"
    r"|obigo|teleca|netfront|dolfin|kddi-|j-phone|softbank/|vodafone/|\bmot-|\bsec-|\blge?-|samsung-",
    re.IGNORECASE,
)
_CODE_LENGTH = 2
DIRECT = "direct"
_LONGEST_HOST = 253
# Kinds of clicks remembered, some 1 KB each: a few make nearly all of a campaign's. What says more is not remembered.
_LONGEST = 1_000
_REMEMBERED = 10_000
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_;,\s]|$)")
_HOST = re.compile(r"[a-z0-9_.:\[\]-]+")


class UserAgent(NamedTuple):
    """What a user agent says of itself."""

    device: str
    browser: str
    os: str


@lru_cache(_AGENTS_REMEMBERED)
def describe(user_agent: str) -> UserAgent:
    """Return what a user agent says of itself: the kind of device, browser and system by their families."""
    user_agent = user_agent[:_LONGEST_AGENT]
    told = parse(user_agent)
    system = told.os.family if told.os else UNKNOWN
    model = " ".join(filter(None, (told.device.family, told.device.brand, told.device.model))) if told.device else ""
    browser = told.user_agent.family if told.user_agent else UNKNOWN
    return UserAgent(_kind(user_agent, system, model), browser[:_LONGEST_NAME], system[:_LONGEST_NAME])


def _kind(user_agent: str, system: str, model: str) -> str:
    if "iPad" in model or "Tablet" in model or "Tablet" in system or "Kindle" in model:
        return "tablet"
    if "Mobi" in user_agent or "iPhone" in model or "Smartphone" in model or _PHONES_BROWSERS.search(user_agent):
        return "mobile"
    if system == "Android":
        # Google's advice to makers of browsers: a phone says "Mobile", a tablet does not. Others say neither.
        return UNKNOWN if "Dalvik/" in user_agent else "tablet"
    if _OLD_PHONES.search(user_agent):
        return "mobile"
    return "desktop" if system in _DESKTOPS else UNKNOWN


class Countries(Protocol):
    """What knows where addresses are. A Protocol, since there are two: a database, and none."""

    def of(self, address: str) -> str:
        """Return the country of an address as ISO 3166-1 alpha-2; "unknown" where it cannot be told."""


class NoCountries:
    """Stands where there is no database."""

    def of(self, _address: str) -> str:
        """Return "unknown"."""
        return UNKNOWN


class CountryDatabase:
    """A database in MaxMind's format, such as GeoLite2 Country, or those of DB-IP and IPinfo in the same format."""

    def __init__(self, path: Path) -> None:
        self._reader = maxminddb.open_database(path)

    def of(self, address: str) -> str:
        """Return the country of an address; "unknown" where it cannot be told."""
        try:
            record = self._reader.get(address)
        except ValueError:  # No address, or one of version 6 where the database has none.
            return UNKNOWN
        return _code(record)


def open_countries(path: Path | None) -> Countries:
    """Open the database. Raises `OSError` where it cannot be read, `ValueError` where it is none."""
    if path is None:
        return NoCountries()
    try:
        return CountryDatabase(path)
    except maxminddb.InvalidDatabaseError as error:
        raise ValueError(f"{path} is no database in MaxMind's format: {error}") from error


def _code(record: object) -> str:
    if not isinstance(record, dict):
        return UNKNOWN
    country = record.get("country_code") or record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else country
    return code if isinstance(code, str) and len(code) == _CODE_LENGTH and code.isalpha() else UNKNOWN


class Visited(Protocol):
    """What is read of a click. A Protocol, since it is read of our own and of the contract's message."""

    @property
    def template(self) -> str:
        """Return the template of its link."""

    @property
    def address(self) -> str:
        """Return the client's network address."""

    @property
    def user_agent(self) -> str:
        """Return what the client says of itself."""

    @property
    def referrer(self) -> str:
        """Return the page that it was found on."""

    @property
    def accept_language(self) -> str:
        """Return the languages preferred."""

    @property
    def source(self) -> str:
        """Return how the link was opened: "link" or "qr"."""


Describe = Callable[[str], UserAgent]
"""Returns what a user agent says of itself."""
Locate = Callable[[str], str]
"""Returns the country of an address."""


class Origins:
    """Tells what clicks came from."""

    def __init__(self, describe: Describe, locate: Locate) -> None:
        self._describe = describe
        self._locate = locate
        self._caps = ValueCaps()
        self._of = lru_cache(_REMEMBERED)(self._derived)

    def of(self, click: Click) -> Origin:
        """Return what a click came from, with "other" for what is one value too many."""
        return self._caps.capped(click.business_id, click.clicked_at, self.derived(click), is_human=click.is_human)

    def derived(self, click: Visited) -> Origin:
        """Return what a click came from."""
        country = self._locate(click.address) if click.address else UNKNOWN
        said = click.template, click.user_agent, click.accept_language, click.referrer
        derived = (self._of if sum(map(len, said)) < _LONGEST else self._derived)(country, *said)
        return derived._replace(is_scan=True) if click.source == QR else derived

    def _derived(self, country: str, template: str, user_agent: str, accept_language: str, referrer: str) -> Origin:
        agent = self._describe(user_agent)
        language = language_of(accept_language)
        return Origin(template, agent.device, agent.browser, agent.os, country, language, referring_host(referrer))


def language_of(accept_language: str) -> str:
    """Return the language preferred, without its country."""
    found = _LANGUAGE.match(accept_language)
    return found.group(1).lower() if found else UNKNOWN


def referring_host(referrer: str) -> str:
    """Return the host of a referring page; "direct" where there is none, "unknown" where it cannot be told."""
    if not referrer:
        return DIRECT
    try:
        host = (urlsplit(referrer).hostname or "")[:_LONGEST_HOST]
    except ValueError:
        return UNKNOWN
    return host if _HOST.fullmatch(host) else UNKNOWN
