"""Judges user agents: one call, the same answer for the same agent and version of the rules."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from clicktrail.tracking.v1 import click_pb2
from shortener_service.agents.crawler_list import listed
from shortener_service.agents.rules import (
    APPS,
    BROWSER_WORDS,
    BROWSERS,
    FORMER_BROWSERS,
    OTHERS_WORDS,
    PREVIEWS,
    PROGRAMS,
    SCANNERS,
    SELF_NAMED,
    Rule,
)

# Distinct user agents remembered, about 300 bytes each.
REMEMBERED = 20_000
_WORDS_REMEMBERED = 5_000

HUMAN = click_pb2.VERDICT_HUMAN
PREVIEW = click_pb2.VERDICT_PREVIEW
BOT = click_pb2.VERDICT_BOT
SCANNER = click_pb2.VERDICT_SCANNER


class Judgement(NamedTuple):
    """A verdict and its reason in a word or two."""

    verdict: "click_pb2.Verdict.ValueType"
    reason: str


class _Table:
    """Rules of which the first that fits counts."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._any = _pattern("|".join(rule.pattern for rule in rules))
        self._rules = [(_pattern(rule.pattern), rule.tells) for rule in rules]

    def found(self, text: str) -> str | None:
        """Return what was found, None where nothing was: one search, where most have nothing."""
        found = self._any.search(text)
        return found.group() if found else None

    def tells(self, text: str) -> str | None:
        """Return what the first rule that fits tells."""
        return next((tells for rule, tells in self._rules if rule.search(text)), None) if self.found(text) else None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_NAMED = (
    (_Table(PREVIEWS), PREVIEW, "preview"),
    (_Table(SCANNERS), SCANNER, "scanner"),
    (_Table(PROGRAMS), BOT, "program"),
)
_SELF_NAMED = _Table(SELF_NAMED)
_BROWSERS = _Table(BROWSERS)
_OTHERS_WORDS = _pattern("|".join(rule.pattern for rule in OTHERS_WORDS))
_APP_WORDS = frozenset(word for words in APPS.values() for word in words.split())

_WORD = re.compile(r"[^\s;,()\[\]{}]+")
_BETWEEN = " ;,"
# A name with a version, such as "Chrome/140.0.0.0", "rv:140.0", "Mini/7.1.32052/191.308", "musical_ly_34.3.1".
_VERSIONED = re.compile(r"(\.?[a-z][a-z0-9_.-]*?)(?:[/:]v?[\w.-]*\+?(?:/[\d.]*)?|_[\d.]+)?", re.IGNORECASE)
_NUMBER = re.compile(r"[\d._:+/x-]*")


@lru_cache(maxsize=REMEMBERED)
def judge(user_agent: str) -> Judgement:
    """Return who sends a user agent."""
    if not user_agent.strip():
        return Judgement(BOT, "no user agent")
    if app := FORMER_BROWSERS.get(user_agent):
        return Judgement(PREVIEW, f"preview: {app}")
    words = own_words(user_agent)
    if words and (found := _program(words)):
        return found
    if not _BROWSERS.found(user_agent):
        return Judgement(BOT, "names no browser")
    return Judgement(HUMAN, "no rule against it")


def own_words(user_agent: str) -> str:
    """Return what an agent says that is no word of a browser's, an app's or a phone's; empty where it says no more."""
    # An app's word alone, without a browser's, is what its own requests say.
    is_browser = user_agent[:8].lower() == "mozilla/"
    if is_browser:
        user_agent = _OTHERS_WORDS.sub(" ", user_agent)
    is_ordinary = _is_browsers_or_apps if is_browser else _is_browsers
    if all(map(is_ordinary, _WORD.findall(user_agent))):
        return ""
    return _WORD.sub(lambda word: "" if is_ordinary(word.group()) else word.group(), user_agent).strip(_BETWEEN)


def _program(words: str) -> Judgement | None:
    for table, verdict, label in _NAMED:
        if name := table.tells(words):
            return Judgement(verdict, f"{label}: {name}")
    if crawler := listed(words):
        return Judgement(crawler.verdict, f"crawler list: {crawler.name}")
    if said := _SELF_NAMED.found(words):
        return Judgement(BOT, f"calls itself {said.strip().lower()[:32]}")
    return None


@lru_cache(maxsize=_WORDS_REMEMBERED)
def _is_browsers(word: str) -> bool:
    return _is_one_of(word, BROWSER_WORDS)


@lru_cache(maxsize=_WORDS_REMEMBERED)
def _is_browsers_or_apps(word: str) -> bool:
    return _is_one_of(word, BROWSER_WORDS) or _is_one_of(word, _APP_WORDS)


def _is_one_of(word: str, names: frozenset[str]) -> bool:
    lower = word.lower()
    if lower in names or _NUMBER.fullmatch(lower):
        return True
    named = _VERSIONED.fullmatch(lower)
    return named is not None and named.group(1) in names
