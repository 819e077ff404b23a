"""JSON that is kept as it was sent: read for what must be known of it, never written anew."""

import json
from typing import Any, NoReturn

from clicktrail.common.v1.types_pb2 import Json
from common.field_rules import rules

_LIMITS = rules(Json, "text")
LARGEST_BYTES = _LIMITS.max_bytes
DEEPEST = _LIMITS.max_depth


class JsonTextError(ValueError):
    """A text that cannot be kept as JSON; says why, for whoever sent it."""


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
        raise JsonTextError(f"It must be at most {LARGEST_BYTES // 1024} KB.")
    try:
        value = _READER.decode(text.decode())
    except UnicodeDecodeError:
        raise JsonTextError("It must be UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise JsonTextError("It must be JSON.") from None
    # As a rule there are too few brackets to be nested too deeply.
    if text.count(b"{") + text.count(b"[") > DEEPEST and _depth(value) > DEEPEST:
        raise _too_deep()
    return value


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


def _depth(value: Any) -> int:
    depth = 0
    level = [value]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [part for whole in level for part in (whole.values() if isinstance(whole, dict) else whole)]
    return depth


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


# Made once: making them takes longer than reading or writing a small text.
_READER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_number)


def _too_deep() -> JsonTextError:
    return JsonTextError(f"It must not be nested more than {DEEPEST} deep.")
