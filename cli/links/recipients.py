"""Reads the recipients of a campaign from a CSV file, as programs for tables write them."""

import csv
import re
import shutil
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.failures import CommandFailed, ExitCode

COLUMNS = ("profile", "external_id")
DETAILS = ("name", "email", "phone")
"""What may be told of a recipient besides."""
STANDARD_INPUT = Path("-")

# The list separator of Excel is a semicolon where the decimal sign is a comma; "Unicode text" has tabs.
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# What Excel takes for an order to itself, and no row: `sep=;`.
_ORDER = re.compile(r"\"?sep=.\"?", re.IGNORECASE)
_LONGEST_HEADER_SHOWN = 200
# Of a header: beyond, a quotation mark was left open.
_MOST_LINES = 100
# How a workbook begins, of today and of before 2007.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# White space, and what spreadsheets and messages leave at the ends of a text without showing it.
_BLANKS = " \t\r\n\v\f\x85\xa0\u2028\u2029\u3000\u200b\u2060\ufeff"


@dataclass(frozen=True, slots=True)
class Row:
    """A recipient, and the line of the file that it ends on. Details that are not told are ""."""

    line: int
    profile: str
    external_id: str
    name: str = ""
    email: str = ""
    phone: str = ""

    @property
    def has_details(self) -> bool:
        """Whether it tells of the person more than the ids."""
        return bool(self.name or self.email or self.phone)


@contextmanager
def kept(path: Path) -> Iterator[Path]:
    """Yield a file that can be read twice: the path itself, or a copy of standard input for `-`."""
    if path != STANDARD_INPUT:
        yield path
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "standard input"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield copy


def count_rows(path: Path) -> int:
    """Read the whole file once and return how many recipients it has; raise `CommandFailed` at the first fault."""
    count = sum(1 for _ in read_rows(path))
    if not count:
        raise CommandFailed(f"{path.name} has no recipients below its header.", ExitCode.USAGE)
    return count


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the recipients in order; raise `CommandFailed`, with the line, at what is not one."""
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
        if start in _WORKBOOKS:
            raise CommandFailed(f"{path.name} is a workbook: save it as “CSV UTF-8”.", ExitCode.USAGE)
        encoding = "utf-16" if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        with path.open(newline="", encoding=encoding) as file:
            yield from _rows(path.name, file)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.", ExitCode.USAGE) from None
    except UnicodeError:
        raise CommandFailed(f"{path.name} is not UTF-8: save it as “CSV UTF-8”.", ExitCode.USAGE) from None


def _rows(name: str, file: Iterator[str]) -> Iterator[Row]:
    lines_before, header = _first_lines(file)
    if "\0" in header:
        raise CommandFailed(f"{name} is not UTF-8: save it as “CSV UTF-8”.", ExitCode.USAGE)
    separator, places = _header(name, lines_before, header)
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            if any(cell.strip(_BLANKS) for cell in cells):
                yield _row(
                    f"{name}, line {lines_before + reader.line_num}", places, cells, lines_before + reader.line_num
                )
    except csv.Error as error:
        raise CommandFailed(f"{name}, line {lines_before + reader.line_num}: {error}.", ExitCode.USAGE) from None


def _first_lines(file: Iterator[str]) -> tuple[int, str]:
    """Return the number of the line that the header ends on, and the header; before it, tables have empty rows."""
    for number, line in enumerate(file, start=1):
        if _ORDER.fullmatch(line.strip()) or not line.strip(_BLANKS + '"' + "".join(_SEPARATORS)):
            continue
        # A name within quotes may go on in the next line.
        lines = [line]
        while sum(part.count('"') for part in lines) % 2 and len(lines) < _MOST_LINES and (more := next(file, "")):
            lines.append(more)
        return number + len(lines) - 1, "".join(lines)
    return 1, ""


def _header(name: str, line: int, header: str) -> tuple[str, dict[str, int]]:
    """Return the separator, and where each column stands that is read; the number of all columns stands under "".

    Raises `CommandFailed`, with the header that was found, where a column is missing.
    """
    found = {separator: _places(header, separator) for separator in _SEPARATORS}
    for separator, places in found.items():
        if all(column in places for column in COLUMNS):
            return separator, places
    separator = max(_SEPARATORS, key=lambda one: (sum(column in found[one] for column in COLUMNS), header.count(one)))
    missing = " and no column ".join(column for column in COLUMNS if column not in found[separator])
    shown = header.strip()[:_LONGEST_HEADER_SHOWN]
    told = f"It is {shown!r}, read with {_SEPARATORS[separator]} between the columns" if shown else "It is empty"
    raise CommandFailed(f"{name}, line {line}: the header has no column {missing}. {told}.", ExitCode.USAGE)


def _places(header: str, separator: str) -> dict[str, int]:
    """Return where columns stand by their names, which are compared as letters: `External ID` is `external_id`."""
    names = next(csv.reader(header.splitlines(keepends=True), delimiter=separator, skipinitialspace=True), [])
    letters = [re.sub(r"[\W_]+", "", name).lower() for name in names]
    places = {
        name: letters.index(plain) for name in (*COLUMNS, *DETAILS) if (plain := name.replace("_", "")) in letters
    }
    return {**places, "": len(names)}


def _row(where: str, places: dict[str, int], cells: Sequence[str], line: int) -> Row:
    if any(cell.strip(_BLANKS) for cell in cells[places[""] :]):
        raise CommandFailed(f"{where}: it has more columns than the header.", ExitCode.USAGE)
    told = {
        column: cells[place].strip(_BLANKS)
        for column in (*COLUMNS, *DETAILS)
        if (place := places.get(column)) is not None and place < len(cells)
    }
    for column in COLUMNS:
        if not told.get(column):
            raise CommandFailed(f"{where}: {column} is empty.", ExitCode.USAGE)
    return Row(line, **told)
