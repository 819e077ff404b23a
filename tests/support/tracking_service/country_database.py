"""Writes a database in MaxMind's format with one country: the smallest that a reader takes."""

from pathlib import Path

# https://maxmind.github.io/MaxMind-DB/: a tree of one node, a separator, the data, a marker, the metadata.
_MARKER = b"\xab\xcd\xefMaxMind.com"
_MAP, _UTF8, _UINT16, _UINT32, _UINT64, _ARRAY = 7, 2, 5, 6, 9, 11
_EXTENDED = 8


def write_database(path: Path, country: str) -> None:
    """Write a database that knows the lower half of all IPv4 addresses, as this country."""
    nodes = 1
    # A record above the number of nodes points into the data, behind 16 bytes; the number itself is "not found".
    found, not_found = nodes + 16, nodes
    tree = found.to_bytes(3, "big") + not_found.to_bytes(3, "big")
    data = _map({"country": _map({"iso_code": _text(country)})})
    metadata = _map(
        {
            "node_count": _number(_UINT32, nodes),
            "record_size": _number(_UINT16, 24),
            "ip_version": _number(_UINT16, 4),
            "database_type": _text("Test-Country"),
            "languages": _head(_ARRAY, 0),
            "binary_format_major_version": _number(_UINT16, 2),
            "binary_format_minor_version": _number(_UINT16, 0),
            "build_epoch": _number(_UINT64, 1),
            "description": _map({}),
        }
    )
    path.write_bytes(tree + bytes(16) + data + _MARKER + metadata)


def _head(kind: int, size: int) -> bytes:
    if kind >= _EXTENDED:
        return bytes([size, kind - 7])
    return bytes([kind << 5 | size])


def _text(text: str) -> bytes:
    encoded = text.encode()
    size = len(encoded)
    if size < 29:
        return _head(_UTF8, size) + encoded
    return bytes([_UTF8 << 5 | 29, size - 29]) + encoded


def _number(kind: int, value: int) -> bytes:
    encoded = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _head(kind, len(encoded)) + encoded


def _map(members: dict[str, bytes]) -> bytes:
    return _head(_MAP, len(members)) + b"".join(_text(name) + value for name, value in members.items())
