"""The maintained list of crawlers, and what its tags say of each."""

import re
from typing import NamedTuple

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from clicktrail.tracking.v1 import click_pb2

_VERDICT_OF_TAG = {"social-preview": click_pb2.VERDICT_PREVIEW, "scanner": click_pb2.VERDICT_SCANNER}
# It writes a dot and a slash with a backslash. What is plain otherwise is searched as text, four times faster.
_PLAIN = re.compile(r"(?:[\w /!,:;@&=%#'-]|\\[./-])+", re.ASCII)
_LONGEST_NAME = 64


class Crawler(NamedTuple):
    """A crawler that the list names, and which kind of program it is."""

    name: str
    verdict: "click_pb2.Verdict.ValueType"


def _verdict(tags: list[str]) -> "click_pb2.Verdict.ValueType":
    return next((_VERDICT_OF_TAG[tag] for tag in tags if tag in _VERDICT_OF_TAG), click_pb2.VERDICT_BOT)


_LIST = [(str(entry["pattern"]), _verdict(entry.get("tags", []))) for entry in CRAWLER_USER_AGENTS_DATA]
_TEXTS = tuple((re.sub(r"\\(.)", r"\1", text), verdict) for text, verdict in _LIST if _PLAIN.fullmatch(text))
_PATTERNS = tuple((re.compile(text), verdict) for text, verdict in _LIST if not _PLAIN.fullmatch(text))


def listed(words: str) -> Crawler | None:
    """Return the crawler that the list knows by these words, which are in the case in which they were sent."""
    for text, verdict in _TEXTS:
        if text in words and _begins_a_word(words, words.index(text)):
            return Crawler(text.strip("/ "), verdict)
    for pattern, verdict in _PATTERNS:
        if found := pattern.search(words):
            return Crawler(found.group().strip("/ ")[:_LONGEST_NAME], verdict)
    return None


def _begins_a_word(words: str, at: int) -> bool:
    """Tell whether a number begins there: the list's "008/" is no end of a phone's "TS1008/"."""
    return at == 0 or not words[at].isdigit() or not words[at - 1].isalnum()
