"""Takes commands out of the documents, so that what is tested is what is told."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SECTION = r"^#+ {heading}\n(?P<text>.*?)(?=^#+ |\Z)"
_BLOCK = re.compile(r"^```[a-z]*\n(?P<commands>.*?)^```$", re.DOTALL | re.MULTILINE)


class NoCommandsError(Exception):
    """A document does not tell what it is expected to tell."""


def commands(document: str, heading: str, folder: Path = ROOT) -> str:
    """Return the first block of commands below a heading of a document."""
    text = (folder / document).read_text()
    section = re.search(_SECTION.format(heading=re.escape(heading)), text, re.DOTALL | re.MULTILINE)
    block = _BLOCK.search(section["text"]) if section else None
    if block is None:
        raise NoCommandsError(f"{document} has no commands below “{heading}”.")
    return block["commands"]
