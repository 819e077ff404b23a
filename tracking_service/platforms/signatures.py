"""Signatures of deliveries: over raw bytes, in constant time, and without an error whatever a header holds."""

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from common.clock import EPOCH

# The longest that is looked at: an HMAC of 64 bytes in hexadecimal has 128 characters.
_LONGEST_SIGNATURE = 200
_SECONDS = re.compile(r"\d{9,11}", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,14}", re.ASCII)
_FROM_URL_SAFE = str.maketrans("-_", "+/")


def is_hmac(given: Iterable[str], secret: bytes, signed: bytes, *, algorithm: str = "sha256", encoding: str) -> bool:
    """Tell whether one of the signatures given is the HMAC of a text; encoding is "hex" or "base64".

    Hexadecimal digits may be of either case, base64 of either alphabet, with padding or without. An empty secret signs
    nothing.
    """
    if not secret:
        return False
    expected = hmac.digest(secret, signed, algorithm)
    # All are compared, so that the time taken does not tell which one is right.
    return sum(hmac.compare_digest(expected, decoded(text, encoding)) for text in given) > 0


def is_secret(given: str, secret: str) -> bool:
    """Tell whether a header holds the secret itself."""
    return bool(secret) and hmac.compare_digest(bytes_of(given), bytes_of(secret))


def bytes_of(text: str) -> bytes:
    """Return a text in UTF-8, also one that has half a character."""
    return text.encode("utf-8", "surrogatepass")


def decoded(text: str, encoding: str) -> bytes:
    """Return the bytes of a text in hexadecimal or base64, none where it is neither."""
    text = text.strip()
    if len(text) > _LONGEST_SIGNATURE:
        return b""
    try:
        return bytes.fromhex(text) if encoding == "hex" else _from_base64(text)
    except ValueError:
        return b""


def parts_of(header: str) -> list[tuple[str, str]]:
    """Return the parts of a header such as "t=1795186805,v1=5c3d…", in order."""
    pairs = (part.partition("=") for part in header.split(","))
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def part_of(header: str, name: str) -> str:
    """Return the first part of a name in such a header, "" where there is none."""
    return next((value for each, value in parts_of(header) if each == name), "")


def is_fresh(stamp: str, received_at: datetime, tolerance: timedelta) -> bool:
    """Tell whether a delivery was signed, by its stamp in Unix seconds or milliseconds, close to when it came."""
    if _SECONDS.fullmatch(stamp):
        signed_at = EPOCH + timedelta(seconds=int(stamp))
    elif _MILLISECONDS.fullmatch(stamp):
        signed_at = EPOCH + timedelta(milliseconds=int(stamp))
    else:
        return False
    return abs(received_at - signed_at) <= tolerance


def _from_base64(text: str) -> bytes:
    text = text.translate(_FROM_URL_SAFE).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
