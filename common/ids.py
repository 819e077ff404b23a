"""Identifiers: UUIDs that carry their time, and sessions that carry nothing but chance."""

import hashlib
import os
import string
from datetime import datetime
from uuid import UUID

from common.clock import milliseconds

NONCE_BYTES = 50
SESSION_LENGTH = 32
SESSION_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase

# 248 is the largest multiple of 62 below 256: bytes from there on are dropped, so that no character is likelier.
_FAIR = 248
_TO_SESSION = bytes(ord(SESSION_ALPHABET[byte % 62]) for byte in range(256))
_UNFAIR = bytes(range(_FAIR, 256))
# The bytes in which a UUID says what it is: four bits of version, two of variant, and chance.
_VERSION_7 = [bytes([0x70 | byte & 0x0F]) for byte in range(256)]
_VARIANT = [bytes([0x80 | byte & 0x3F]) for byte in range(256)]


def new_nonce() -> bytes:
    """Return the random bytes of one hit: 40 for its session, 10 for its click's id."""
    return os.urandom(NONCE_BYTES)


def session_from_nonce(nonce: bytes) -> str:
    """Return the session that a nonce stands for, always the same one.

    32 characters of `[A-Za-z0-9]`, the first of which tells the shard of Redis that it lives in. The other 31 are
    drawn fairly: on average 39 bytes give 37 characters; a nonce too short for 31 is stretched by a hash.
    """
    drawn = nonce[1:40].translate(_TO_SESSION, _UNFAIR)
    while len(drawn) < SESSION_LENGTH - 1:
        drawn += hashlib.sha256(nonce + drawn).digest().translate(_TO_SESSION, _UNFAIR)
    return chr(_TO_SESSION[nonce[0]]) + drawn[: SESSION_LENGTH - 1].decode("ascii")


def uuid7(at: datetime, randomness: bytes) -> UUID:
    """Return the UUID (version 7, RFC 9562) of a time and 10 random bytes, always the same one."""
    return UUID(bytes=uuid7_bytes(milliseconds(at), randomness))


def uuid7_bytes(at_milliseconds: int, randomness: bytes) -> bytes:
    """Return the 16 bytes of the UUID (version 7) of a time and 10 random bytes."""
    version, second, variant = randomness[:3]
    return b"%b%b%c%b%b" % (
        at_milliseconds.to_bytes(6, "big"),
        _VERSION_7[version],
        second,
        _VARIANT[variant],
        randomness[3:10],
    )


def new_uuid7(at: datetime) -> UUID:
    """Return a new UUID (version 7) for this time."""
    return uuid7(at, os.urandom(10))


def uuid_of(text: str) -> UUID | None:
    """Return a text as a UUID, None where it is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None
