"""Writes to standard output: tables as wide as the terminal, and wide where there is none, or JSON."""

import json
import re
import sys

import typer
from google.protobuf.message import Message
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from common.json_writer import write

_WIDTH_WITHOUT_TERMINAL = 200
# What a terminal would obey (C0, C1), and what lets a text read in another order than it is written.
_COMMANDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


class TextTable(Table):
    """A table of texts, shown as they are: names come from visitors, and neither mark-up nor a terminal's commands."""

    def __init__(self, title: str, *columns: str) -> None:
        super().__init__(title=shown(title), title_justify="left", title_style="bold")
        for column in columns:
            self.add_text_column(column)

    def add_text_column(self, name: str, justify: JustifyMethod = "left") -> None:
        """Add a column, whose texts are folded where they are too long."""
        self.add_column(shown(name), justify=justify, overflow="fold")

    def add_texts(self, *cells: str) -> None:
        """Add a row."""
        self.add_row(*map(shown, cells))


def shown(text: str) -> Text:
    """Return a text as it stands, with what a terminal would obey written out."""
    return Text(shown_text(text))


def shown_text(text: str) -> str:
    """Return a text with what a terminal would obey written out."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def show_json(message: Message) -> None:
    """Print a message as the HTTP API shows it, indented."""
    typer.echo(json.dumps(json.loads(write(message)), indent=2, ensure_ascii=False))
