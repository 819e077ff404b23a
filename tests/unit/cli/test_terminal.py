"""What a terminal shows of names that visitors choose."""

import io

import pytest
from rich.console import Console

from cli.terminal import TextTable


def printed(text: str) -> str:
    """Return what a terminal gets of a table whose title, column and cell are this text."""
    output = io.StringIO()
    table = TextTable(text, text)
    table.add_texts(text)
    Console(file=output, width=200, force_terminal=True, color_system=None).print(table)
    return output.getvalue()


@pytest.mark.parametrize("text", ["[/red]", "[link=https://evil.example]x[/link]", "[bold]x", "a\\[b]", ":smile:"])
def test_mark_up_is_shown_as_it_stands(text: str) -> None:
    """It is neither obeyed nor an error."""
    assert printed(text).count(text) == 3


@pytest.mark.parametrize(
    "code", ["\x1b[2J", "\x9b2J", "\x9d0;x\x07", "a\rb", "a\nb", "\u202ecba", "\u2066x", "a\u2028b"]
)
def test_commands_of_a_terminal_are_written_out(code: str) -> None:
    """Those that move, colour, name or turn around what stands there."""
    shown = printed(code)
    assert f"\\u{ord(code[0]):04x}" in shown or f"a\\u{ord(code[1]):04x}" in shown
    assert not set("\x1b\x9b\x9d\x07\r\u202e\u2066\u2028") & set(shown.replace("\x1b[1m", "").replace("\x1b[0m", ""))
