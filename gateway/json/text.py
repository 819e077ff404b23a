"""JSON whose numbers keep their text, so that what is not interpreted comes back as it was sent."""

import json
import re
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias

DEPTH_LIMIT = 100

_SURROGATE = re.compile("[\ud800-\udfff]")


class Num(str):
    """A number, as the text that it was written in."""

    __slots__ = ()


Value: TypeAlias = "bool | Num | str | list[Value] | dict[str, Value] | None"


class MalformedJsonError(Exception):
    """The text is not JSON that we take; the message says why, in words for its sender."""


def loads(text: bytes) -> Value:
    """Read JSON in UTF-8, a byte order mark allowed; of keys that stand twice the last counts.

    Raises `MalformedJsonError`.
    """
    try:
        value: Value = _DECODER.decode(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MalformedJsonError("The body is not UTF-8.") from None
    except RecursionError:
        raise MalformedJsonError(_TOO_DEEP) from None
    except ValueError as error:
        raise MalformedJsonError(f"The body is not JSON: {error}.") from None
    # Without so many brackets it cannot be so deep; looking at every value costs more than counting them.
    if text.count(b"{") + text.count(b"[") > DEPTH_LIMIT and _is_deeper(value, DEPTH_LIMIT):
        raise MalformedJsonError(_TOO_DEEP)
    return value


def dumps(value: Value) -> bytes:
    """Write a value as compact JSON in UTF-8; lone surrogates, which UTF-8 lacks, are escaped."""
    text = "".join(_pieces(value))
    if not text.isascii():
        text = _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode()


def is_plain(text: str) -> bool:
    """Tell whether a text has neither NUL nor a lone surrogate: what we interpret must be so."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_TOO_DEEP = f"The body is nested more than {DEPTH_LIMIT} deep."
_DECODER = json.JSONDecoder(parse_int=Num, parse_float=Num, parse_constant=_refuse_constant)
_WORDS = {None: "null", True: "true", False: "false"}


def _is_deeper(value: Value, limit: int) -> bool:
    containers = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        containers = [
            inner
            for outer in containers
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return bool(containers)


def _pieces(value: Value) -> Iterator[str]:
    if isinstance(value, Num):
        yield str(value)
    elif isinstance(value, str):
        yield encode_basestring(value)
    elif isinstance(value, dict):
        separator = "{"
        for key, inner in value.items():
            yield f"{separator}{encode_basestring(key)}:"
            yield from _pieces(inner)
            separator = ","
        yield "}" if value else "{}"
    elif isinstance(value, list):
        separator = "["
        for inner in value:
            yield separator
            yield from _pieces(inner)
            separator = ","
        yield "]" if value else "[]"
    else:
        yield _WORDS[value]
