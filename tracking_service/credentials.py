"""Private tokens: what they look like, and what is kept of them."""

import hashlib
import os

from common.ids import SESSION_ALPHABET

# Tells a token from a public id, and a leaked one from other secrets.
PREFIX = "ct_"
_BYTES = 32
# As many characters of 62 as 32 bytes need.
_LENGTH = 43


def new_token() -> str:
    """Return a new token: `ct_` and 43 characters of `[0-9A-Za-z]`, which carry 256 bits of chance."""
    value = int.from_bytes(os.urandom(_BYTES), "big")
    characters = []
    for _ in range(_LENGTH):
        value, digit = divmod(value, len(SESSION_ALPHABET))
        characters.append(SESSION_ALPHABET[digit])
    return PREFIX + "".join(characters)


def is_token(credential: str) -> bool:
    """Tell a token from the public id of a business, which never starts like one."""
    return credential.startswith(PREFIX)


def hash_of(token: str) -> bytes:
    """Return what is kept of a token. It needs no salt: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
