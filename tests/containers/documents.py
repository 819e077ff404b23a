"""Takes commands out of the documents, so that what is tested is what is told."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SECTION = r"^#+ {heading}\n(?P<text>.*?)(?=^#+ |\Z)"
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class NoCommandsError(Exception):
    """A document does not tell what it is expected to tell."""


def commands(document: str, heading: str, folder: Path = ROOT, number: int = 0) -> str:
    """Return the first block of commands below a heading of a document, or a later one."""
    text = (folder / document).read_text()
    section = re.search(_SECTION.format(heading=re.escape(heading)), text, re.DOTALL | re.MULTILINE)
    blocks = _BLOCK.findall(section["text"]) if section else []
    if number >= len(blocks):
        raise NoCommandsError(f"{document} has no {number + 1} blocks of commands below “{heading}”.")
    return str(blocks[number])
