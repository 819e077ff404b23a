"""Tell what a click came from: derived once, when it is taken in, and kept with it."""

import re
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from tracking_service.counters.breakdowns import Origin
from tracking_service.user_agents import UserAgent

UNKNOWN = "unknown"
DIRECT = "direct"
_LONGEST_HOST = 253
# Kinds of clicks remembered, some 1 KB each: a few make nearly all of a campaign's. What says more is not remembered.
_LONGEST = 1_000
_REMEMBERED = 10_000
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_;,\s]|$)")
_HOST = re.compile(r"[a-z0-9_.:\[\]-]+")


class Visited(Protocol):
    """What is read of a click."""

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


class Describe(Protocol):
    """What reads user agents."""

    def __call__(self, user_agent: str, /) -> UserAgent:
        """Return what a user agent says of itself."""


class Locate(Protocol):
    """What knows the countries of addresses."""

    def __call__(self, address: str, /) -> str:
        """Return a country."""


class Origins:
    """Tells what clicks came from."""

    def __init__(self, describe: Describe, locate: Locate) -> None:
        self._describe = describe
        self._locate = locate
        self._of = lru_cache(_REMEMBERED)(self._derived)

    def of(self, click: Visited) -> Origin:
        """Return what a click came from."""
        country = self._locate(click.address) if click.address else UNKNOWN
        said = click.template, click.user_agent, click.accept_language, click.referrer
        return (self._of if sum(map(len, said)) < _LONGEST else self._derived)(country, *said)

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
