"""Draws the QR codes of links: what is in one is found out once a link, and then drawn in any size at little cost."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

import segno

from common.errors import Fault, FaultType, invalid

# What tells a scan from a click: the shortest query that does, so that the code stays coarse and easy to read.
SCANNED = "qr"
TYPES = {"svg": "image/svg+xml", "png": "image/png"}
# Pixels of a module, and modules of the white border, that readers need.
SCALE = (1, 32, 8)
BORDER = (0, 16, 4)
# To find out what is in a code takes 4 ms, and 5 KB to keep it; to draw it from that, some 10 to 1,000 µs by its size.
KEPT_CODES = 4_096
KEPT_DRAWINGS = 1_024

# Changes with the drawings, so that no browser keeps older ones.
_EDITION = b"1"
_PNG = b"\x89PNG\r\n\x1a\n"
# Each row of pixels begins with what it is told by: its own, or as the one above.
_OWN, _AS_ABOVE = b"\0", b"\2"
_WORDS = "{name} must be a whole number from {least} to {most}."


@dataclass(frozen=True, slots=True)
class Drawing:
    """Which drawing is asked for, of which address."""

    short_url: str
    kind: str
    """svg or png."""
    scale: int
    border: int

    @property
    def tag(self) -> str:
        """What tells it from all others, before it is drawn, as an `ETag`."""
        told = f"{self.kind} {self.scale} {self.border} {self.short_url}".encode()
        return f'"{sha256(_EDITION + told).hexdigest()[:24]}"'


def sizes_of(query: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Return the scale and the border asked for. Raises INVALID with every fault; unknown parameters are ignored."""
    given = dict(query)
    faults: list[Fault] = []
    sizes = [_size(name, given.get(name), bounds, faults) for name, bounds in (("scale", SCALE), ("border", BORDER))]
    if faults:
        raise invalid(faults)
    return sizes[0], sizes[1]


@lru_cache(KEPT_DRAWINGS)
def drawn(drawing: Drawing) -> bytes:
    """Return a drawing, black on white also where the page around it is dark."""
    return (_svg if drawing.kind == "svg" else _png)(_code_of(drawing.short_url), drawing.scale, drawing.border)


class _Code(NamedTuple):
    """What is in the code of an address."""

    rows: tuple[str, ...]
    """Its modules, row by row: "1" is black."""
    path: str
    """The same as a path of SVG."""


@lru_cache(KEPT_CODES)
def _code_of(short_url: str) -> _Code:
    code = segno.make(f"{short_url}?{SCANNED}", error="m", micro=False)
    rows = tuple("".join("1" if module else "0" for module in row) for row in code.matrix)
    return _Code(rows, "".join(_runs(rows)))


def _svg(code: _Code, scale: int, border: int) -> bytes:
    modules = len(code.rows) + 2 * border
    size = modules * scale
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {modules} {modules}">'
        f'<path fill="#fff" d="M0 0h{modules}v{modules}h-{modules}z"/>'
        f'<path fill="#000" shape-rendering="crispEdges" transform="translate({border} {border})"'
        f' d="{code.path}"/></svg>'
    ).encode()


def _runs(rows: Sequence[str]) -> Iterator[str]:
    """Yield a rectangle for each run of black modules."""
    for y, row in enumerate(rows):
        x = 0
        for module, run in groupby(row):
            length = len(list(run))
            if module == "1":
                yield f"M{x} {y}h{length}v1h-{length}z"
            x += length


def _png(code: _Code, scale: int, border: int) -> bytes:
    """Return an image of one bit a pixel: all rows of pixels of a module but the first are told as the one above."""
    size = (len(code.rows) + 2 * border) * scale
    width = -(-size // 8)
    above = _AS_ABOVE + bytes(width)
    margin, padding = "1" * (border * scale), "0" * (8 * width - size)
    pixels = str.maketrans({"1": "0" * scale, "0": "1" * scale})
    quiet = (_OWN + b"\xff" * width + above * (border * scale - 1)) if border else b""
    lines = (f"{margin}{row.translate(pixels)}{margin}{padding}" for row in code.rows)
    shown = b"".join(_OWN + int(line, 2).to_bytes(width) + above * (scale - 1) for line in lines)
    head = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    packed = zlib.compress(quiet + shown + quiet, 1)
    return b"".join((_PNG, _chunk(b"IHDR", head), _chunk(b"IDAT", packed), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _size(name: str, text: str | None, bounds: tuple[int, int, int], faults: list[Fault]) -> int:
    least, most, usual = bounds
    if text is None:
        return usual
    if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    faults.append(Fault(FaultType.INVALID, name, _WORDS.format(name=name, least=least, most=most)))
    return usual
