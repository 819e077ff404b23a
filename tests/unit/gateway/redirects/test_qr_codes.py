"""QR codes: in every size the very modules that the standard's encoder says."""

import re
import struct
import zlib
from xml.etree import ElementTree as ET

import pytest
import segno

from gateway.redirects.qr_codes import BORDER, SCALE, Drawing, drawn

URL = "https://go.example.com/abc234"
LONG_URL = f"https://a-rather-long-domain-of-a-shop.example.com/{'x' * 60}"
RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-\d+z")
SIZES = [(1, 0), (1, 4), (3, 1), (8, 4), (SCALE[1], BORDER[1])]


def modules_of(url: str, border: int) -> list[list[bool]]:
    """Return what the code of an address should look like, its border included."""
    code = segno.make(f"{url}?qr", error="m", micro=False)
    return [[bool(module) for module in row] for row in code.matrix_iter(border=border)]


def pixels_of(png: bytes) -> list[list[bool]]:
    """Decode an image of one bit a pixel; True is black."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *kind_of = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (kind_of, width) == ([1, 0, 0, 0, 0], height)
    raw, step = zlib.decompress(chunks[b"IDAT"]), 1 + -(-width // 8)
    assert len(raw) == height * step
    rows, above = [], bytes(step - 1)
    for start in range(0, len(raw), step):
        filtered = raw[start + 1 : start + step]
        above = bytes((a + b) % 256 for a, b in zip(filtered, above, strict=True)) if raw[start] == 2 else filtered
        rows.append([not above[x // 8] >> (7 - x % 8) & 1 for x in range(width)])
    return rows


@pytest.mark.parametrize("url", [URL, LONG_URL])
@pytest.mark.parametrize(("scale", "border"), SIZES)
def test_an_image_shows_the_code(url: str, scale: int, border: int) -> None:
    """Each module as a square of so many pixels."""
    pixels, modules = pixels_of(drawn(Drawing(url, "png", scale, border))), modules_of(url, border)
    assert len(pixels) == len(modules) * scale
    wanted = [[module for module in row for _ in range(scale)] for row in modules for _ in range(scale)]
    assert pixels == wanted


@pytest.mark.parametrize("url", [URL, LONG_URL])
@pytest.mark.parametrize(("scale", "border"), SIZES)
def test_a_drawing_shows_the_code(url: str, scale: int, border: int) -> None:
    """As wide as its modules, on a ground of its own."""
    svg = ET.fromstring(drawn(Drawing(url, "svg", scale, border)).decode())  # noqa: S314  (our own)
    modules = modules_of(url, border)
    assert svg.attrib["viewBox"] == f"0 0 {len(modules)} {len(modules)}"
    assert svg.attrib["width"] == svg.attrib["height"] == str(len(modules) * scale)
    ground, code = svg
    assert ground.attrib["fill"] == "#fff"
    assert code.attrib["transform"] == f"translate({border} {border})"
    black = {
        (int(x) + at + border, int(y) + border)
        for x, y, length in RUN.findall(code.attrib["d"])
        for at in range(int(length))
    }
    assert black == {(x, y) for y, row in enumerate(modules) for x, module in enumerate(row) if module}


def test_each_drawing_has_a_tag_of_its_own() -> None:
    """Which is known before it is drawn, and stays."""
    drawings = [
        Drawing(url, kind, scale, border)
        for url in (URL, LONG_URL)
        for kind in ("svg", "png")
        for scale, border in ((1, 11), (11, 1), (8, 4))
    ]
    assert len({drawing.tag for drawing in drawings}) == len(drawings)
    assert Drawing(URL, "png", 8, 4).tag == Drawing(URL, "png", 8, 4).tag
