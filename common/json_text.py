"""JSON that is kept as it was sent: read for what must be known of it, never written anew."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from clicktrail.common.v1.types_pb2 import Json
from common.field_rules import rules

_LIMITS = rules(Json, "text")
LARGEST_BYTES = _LIMITS.max_bytes
DEEPEST = _LIMITS.max_depth


class JsonTextError(ValueError):
    """A text that is no JSON, or cannot be kept as such; says what is wrong of it, such as "is not UTF-8"."""


class JsonReader:
    """Reads JSON in UTF-8; of names that stand twice the last counts.

    `number` makes numbers from the text that they are written in. Nothing may be nested deeper than `deepest`.
    """

    def __init__(self, number: Callable[[str], object], deepest: int) -> None:
        # Made once: making it takes longer than reading a small text.
        self._decoder = json.JSONDecoder(parse_int=number, parse_float=number, parse_constant=_refuse)
        self._deepest = deepest

    def read(self, text: bytes) -> Any:
        """Return the value of a text. Raises `JsonTextError`."""
        try:
            value = self._decoder.decode(text.decode())
        except UnicodeDecodeError:
            raise JsonTextError("is not UTF-8") from None
        except RecursionError:
            raise self._too_deep() from None
        except ValueError as error:
            raise JsonTextError(f"is not JSON: {error}") from None
        # Without so many brackets it cannot be so deep; looking at every value costs more than counting them.
        if text.count(b"{") + text.count(b"[") > self._deepest and _is_deeper(value, self._deepest):
            raise self._too_deep()
        return value

    def _too_deep(self) -> JsonTextError:
        return JsonTextError(f"is nested more than {self._deepest} deep")


class Number:
    """A number as it was written: nothing of it is rounded."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def parse(text: bytes) -> Any:
    """Return the value of a JSON text, its numbers as `Number`. Raises `JsonTextError`.

    Takes nothing that PostgreSQL would refuse to keep as json.
    """
    if len(text) > LARGEST_BYTES:
        raise JsonTextError(f"is longer than {LARGEST_BYTES // 1024} KB")
    return _READER.read(text)


def canonical(value: Any) -> str:
    """Return one text for all JSON texts that say the same: keys sorted, no spaces, numbers as they were written."""
    return _CANONICAL.encode(value)


def merged(earlier: str, later: str) -> str:
    """Return an object with the members of both, those of the later one where they have the same name.

    Both are texts of JSON objects; what stands in them is copied, never read and written anew. What would grow beyond
    the largest text is the later one alone, so that nothing grows for ever.
    """
    known, brought = members(earlier), members(later)
    if known.keys() <= brought.keys():
        return later
    text = "{" + ", ".join((known | brought).values()) + "}"
    return text if len(text.encode()) <= LARGEST_BYTES else later


def members(text: str) -> dict[str, str]:
    """Return the members of a JSON object by their names, each as it is written: name, colon, value."""
    found: dict[str, str] = {}
    at = _after_space(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        value_at = _after_space(text, _after_space(text, end) + 1)
        _, value_end = _DECODER.raw_decode(text, value_at)
        found[name] = f"{text[at:end]}: {text[value_at:value_end]}"
        at = _after_space(text, value_end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return found


# Numbers are only passed over: a long one is slow to read, or refused.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def _after_space(text: str, at: int) -> int:
    while text[at] in " \t\n\r":
        at += 1
    return at


def _number(value: Number) -> dict[str, str]:
    # Not mistaken for a string of the same digits.
    return {"\0": value.text}


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return False
        level = [part for whole in level for part in (whole.values() if isinstance(whole, dict) else whole)]
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


_READER = JsonReader(Number, DEEPEST)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_number)
