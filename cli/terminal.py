"""Writes to standard output: tables as wide as the terminal, and wide where there is none, or JSON."""

import json
import sys

import typer
from google.protobuf.message import Message
from rich.console import Console

from common.json_writer import write

_WIDTH_WITHOUT_TERMINAL = 200

console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


def show_json(message: Message) -> None:
    """Print a message as the HTTP API shows it, indented."""
    typer.echo(json.dumps(json.loads(write(message)), indent=2, ensure_ascii=False))
