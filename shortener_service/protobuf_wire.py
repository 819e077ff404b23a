"""Writes serialized messages piece by piece, so that what many have in common is written once.

Pieces of a message may come in any order, and concatenated they are the message: protobuf says so.
"""

from google.protobuf.message import Message

_MORE = 0x80
# Longer ones are rare: those of a click or a link have two bytes.
_TWO_BYTES = 1 << 14


def tag_of(message: type[Message], field: str) -> bytes:
    """Return what stands before a text, bytes or message in this field, and then its length."""
    delimited = 2
    return _varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | delimited)


def delimited(tag: bytes, content: bytes) -> bytes:
    """Return a field that holds bytes, or a message that is serialized already."""
    length = len(content)
    if length < _MORE:
        return b"%b%c%b" % (tag, length, content)
    if length < _TWO_BYTES:
        return b"%b%c%c%b" % (tag, length & 0x7F | _MORE, length >> 7, content)
    return tag + _varint(length) + content


def text(tag: bytes, value: str) -> bytes:
    """Return a field that holds a text; an empty one is an absent one."""
    return delimited(tag, value.encode()) if value else b""


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= _MORE:
        written.append(value & 0x7F | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)
