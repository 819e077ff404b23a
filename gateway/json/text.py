"""JSON whose numbers keep their text, so that what is not interpreted comes back as it was sent."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import TypeAlias

from common.json_text import JsonReader

DEPTH_LIMIT = 100

_SURROGATE = re.compile("[\ud800-\udfff]")


class Num(str):
    """A number, as the text that it was written in."""

    __slots__ = ()


Value: TypeAlias = "bool | Num | str | list[Value] | dict[str, Value] | None"


def loads(text: bytes) -> Value:
    """Return the value of a JSON text, a byte order mark before it allowed. Raises `JsonTextError`."""
    value: Value = _READER.read(text.removeprefix(BOM_UTF8))
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


def mended(text: str) -> str:
    """Return a text with U+FFFD in place of each NUL and lone surrogate: what cut a text may have cut an emoji."""
    return text if is_plain(text) else _SURROGATE.sub("\ufffd", text.replace("\0", "\ufffd"))


_READER = JsonReader(Num, DEPTH_LIMIT)
_WORDS = {None: "null", True: "true", False: "false"}


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
