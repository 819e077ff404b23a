"""Draws the QR codes of links."""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO

import segno

from common.errors import Fault, FaultType, invalid

# What tells a scan from a click: the shortest query that does, so that the code stays coarse and easy to read.
SCANNED = "qr"
TYPES = {"svg": "image/svg+xml", "png": "image/png"}
# Pixels of a module, and modules of the white border, that readers need.
SCALE = (1, 32, 8)
BORDER = (0, 16, 4)
KEPT_DRAWINGS = 128

_WORDS = "{name} must be a whole number from {least} to {most}."


def sizes_of(query: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Return the scale and the border asked for. Raises INVALID with every fault; unknown parameters are ignored."""
    given = dict(query)
    faults: list[Fault] = []
    sizes = [_size(name, given.get(name), bounds, faults) for name, bounds in (("scale", SCALE), ("border", BORDER))]
    if faults:
        raise invalid(faults)
    return sizes[0], sizes[1]


@lru_cache(KEPT_DRAWINGS)
def drawn(short_url: str, kind: str, scale: int, border: int) -> bytes:
    """Return the code of a link, black on white also where the page around it is dark."""
    code = segno.make(f"{short_url}?{SCANNED}", error="m", micro=False)
    drawing = BytesIO()
    code.save(drawing, kind=kind, scale=scale, border=border, dark="#000", light="#fff")
    return drawing.getvalue()


def _size(name: str, text: str | None, bounds: tuple[int, int, int], faults: list[Fault]) -> int:
    least, most, usual = bounds
    if text is None:
        return usual
    if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    faults.append(Fault(FaultType.INVALID, name, _WORDS.format(name=name, least=least, most=most)))
    return usual
