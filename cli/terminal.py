"""Writes to standard output: as wide as the terminal, and wide where there is none."""

import sys

from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 200

console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)
