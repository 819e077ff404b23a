"""Tell what a click came from: derived once, when it is taken in, and kept with it."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from tracking_service.user_agents import UserAgent

UNKNOWN = "unknown"
DIRECT = "direct"
VERDICT = "verdict"
# The dimensions that a packed text has behind its verdict, in its order.
DIMENSIONS = ("link", "device", "browser", "os", "country", "language", "referrer")
_LONGEST_HOST = 253
# Kinds of clicks remembered, some 500 bytes each: a few make nearly all of a campaign's.
_REMEMBERED = 10_000
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_;,\s]|$)")
_HOST = re.compile(r"[a-z0-9_.:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a click came from; link is the template of its link, referrer the host that it was found on."""

    link: str
    device: str
    browser: str
    os: str
    country: str
    language: str
    referrer: str

    def packed(self, verdict: str) -> str:
        """Return verdict and values as one text, a JSON list; the same as `json_build_array` gives in SQL."""
        return _packed(
            verdict, self.link, self.device, self.browser, self.os, self.country, self.language, self.referrer
        )


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

    def of(self, click: Visited) -> Origin:
        """Return what a click came from."""
        agent = self._describe(click.user_agent)
        return Origin(
            link=click.template,
            device=agent.device,
            browser=agent.browser,
            os=agent.os,
            country=self._locate(click.address) if click.address else UNKNOWN,
            language=language_of(click.accept_language),
            referrer=referring_host(click.referrer),
        )


@lru_cache(_REMEMBERED)
def _packed(*values: str) -> str:
    return json.dumps(values, ensure_ascii=False)


def unpacked(packed: str) -> tuple[str, dict[str, str]]:
    """Return the verdict and the values by dimension that a packed text holds."""
    verdict, *values = json.loads(packed)
    return verdict, dict(zip(DIMENSIONS, values, strict=True))


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
