"""Writes CSV (RFC 4180) that spreadsheets show as what it is, and never take for a formula."""

import re
from collections.abc import Iterable

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
# Spreadsheets take UTF-8 for what it is only where it begins so.
MARK = "\ufeff"

# What spreadsheets compute; a number, below zero too, is no formula.
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_QUOTED = re.compile(r'[",\r\n]')
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_NAME_LENGTH = 80

Cell = str | int | float | None


def line(cells: Iterable[Cell]) -> str:
    """Return one line, its end included. None is an empty cell."""
    return ",".join(map(_cell, cells)) + "\r\n"


def attachment(*words: str) -> str:
    """Return a `Content-Disposition` that saves the answer under a name made of these words."""
    stem = "-".join(filter(None, (_UNSAFE_IN_NAME.sub("_", word).strip("._-") for word in words)))
    return f'attachment; filename="{stem[:_NAME_LENGTH]}.csv"'


def _cell(value: Cell) -> str:
    text = "" if value is None else str(value)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
