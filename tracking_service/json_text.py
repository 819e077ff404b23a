"""JSON that is kept as it was sent: read for what must be known of it, never written anew."""

import json
from typing import Any, NoReturn

LARGEST_BYTES = 64 * 1024
DEEPEST = 100


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
        value = json.loads(text.decode(), parse_int=Number, parse_float=Number, parse_constant=_refuse)
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
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_number)


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


def _too_deep() -> JsonTextError:
    return JsonTextError(f"It must not be nested more than {DEEPEST} deep.")
