"""Reads the recipients of a campaign from a CSV file."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.failures import CommandFailed, ExitCode

COLUMNS = ("profile", "external_id")


@dataclass(frozen=True, slots=True)
class Row:
    """A recipient, and the line of the file that it ends on."""

    line: int
    profile: str
    external_id: str


def count_rows(path: Path) -> int:
    """Read the whole file once and return how many recipients it has; raise `CommandFailed` at the first fault."""
    count = sum(1 for _ in read_rows(path))
    if not count:
        raise CommandFailed(f"{path} has no recipients below its header.", ExitCode.USAGE)
    return count


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the recipients in order; raise `CommandFailed`, with the line, at what is not one."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from _rows(path, file)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CommandFailed(f"{path} is not UTF-8.", ExitCode.USAGE) from None


def _rows(path: Path, file: Iterator[str]) -> Iterator[Row]:
    reader = csv.DictReader(file, strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise CommandFailed(
                f"{path}, line 1: the header has no column {' and no column '.join(missing)}.", ExitCode.USAGE
            )
        for values in reader:
            yield _row(path, reader.line_num, values)
    except csv.Error as error:
        raise CommandFailed(f"{path}, line {reader.reader.line_num}: {error}.", ExitCode.USAGE) from None


def _row(path: Path, line: int, values: dict[str, str | None]) -> Row:
    if None in values or None in values.values():
        raise CommandFailed(f"{path}, line {line}: it has not as many columns as the header.", ExitCode.USAGE)
    profile, external_id = ((values[column] or "").strip() for column in COLUMNS)
    for column, value in zip(COLUMNS, (profile, external_id), strict=True):
        if not value:
            raise CommandFailed(f"{path}, line {line}: {column} is empty.", ExitCode.USAGE)
    return Row(line, profile, external_id)
