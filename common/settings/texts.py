"""Finds the text of a setting: in its own variable, or in the file that the variable NAME_FILE names."""

import os
from collections.abc import Mapping
from pathlib import Path

PREFIX = "CLICKTRAIL_"
FILE = "_FILE"
# More than any setting has, and what Linux lets a variable of the environment have is not much more.
LARGEST_BYTES = 65_536


class UnfitTextError(ValueError):
    """A setting has no text that could be taken; says why, and never shows what was found."""


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return all of our variables that have a value, by their names in capitals.

    An empty one counts as not given: that is what `${NAME:-}` in a compose file leaves.
    """
    ours = {name.upper(): value for name, value in environment.items()}
    return {name: value for name, value in ours.items() if name.startswith(PREFIX) and value}


def text_of(name: str, given: Mapping[str, str] | None = None) -> str | None:
    """Return the text of a setting, named without its prefix; None where it is not given.

    `given` is what `variables` returned, of our own environment if left out. Raises `UnfitTextError`.
    """
    ours = variables(os.environ) if given is None else given
    text, path = ours.get(PREFIX + name), ours.get(PREFIX + name + FILE)
    if path is None:
        return _sound(text)
    if text is not None:
        raise UnfitTextError(f"{PREFIX}{name} and {PREFIX}{name}{FILE} are both given: leave one out")
    return _content(path, PREFIX + name + FILE)


def _sound(text: str | None) -> str | None:
    """Return a text if it can be sent anywhere: bytes of the environment that are not UTF-8 come as lone surrogates."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise UnfitTextError("is not UTF-8 text") from None
    return text


def _content(path: str, variable: str) -> str:
    """Return what is in a file, without the end of its last line. Its name is not shown: it may be a secret."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "no path has such characters"
        raise UnfitTextError(f"the file that {variable} names cannot be read: {said}") from None
    if len(content) > LARGEST_BYTES:
        raise UnfitTextError(f"the file that {variable} names is larger than {LARGEST_BYTES:,} bytes")
    try:
        # Editors of Windows begin a file with a mark that nobody sees.
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UnfitTextError(f"the file that {variable} names is not UTF-8 text") from None
    if not text:
        raise UnfitTextError(f"the file that {variable} names is empty")
    if "\0" in text:
        raise UnfitTextError(f"the file that {variable} names has a zero byte in it")
    return text
