"""Codes of links: which characters, how many, and which code an external id stands for."""

import hashlib
import hmac
import os
from functools import lru_cache

from clicktrail.shortener.v1.link_pb2 import Link
from common.field_rules import pattern_of, rules
from shortener_service.links.link import RESERVED_CODES

# Without what is mistaken for something else when read from paper or over the phone: 0 O o, 1 l I i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
SHORTEST = 6
LONGEST = 12
# A guess hits a live link less often than this.
GUESS_PROBABILITY = 1e-6

# Of every code, custom ones included.
LIMITS = rules(Link, "code")
_WELL_FORMED = pattern_of(LIMITS)
# The largest multiple of the alphabet below 256: bytes from there on are dropped, so that no character is likelier.
_FAIR = 256 // len(ALPHABET) * len(ALPHABET)
_TO_CODE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNFAIR = bytes(range(_FAIR, 256))


def shortest_length(links: int) -> int:
    """Return the shortest length at which a random guess hits one of so many links too rarely to be worth it."""
    length = SHORTEST
    while length < LONGEST and links / len(ALPHABET) ** length >= GUESS_PROBABILITY:
        length += 1
    return length


def random_code() -> str:
    """Return a new code at its full length; its beginnings are the shorter codes it stands for."""
    return _characters(os.urandom(32))


def derived_code(secret: bytes, series: tuple[str, ...], external_id: str, attempt: int) -> str:
    """Return the code of an external id at its full length, always the same one.

    It cannot be told without the secret. The attempt counts the codes before it that were other links'.
    """
    text = f"{_told_apart(series)}{len(external_id)}:{external_id}{len(str(attempt))}:{attempt}"
    return _characters(hmac.digest(secret, text.encode(), "sha256"))


@lru_cache(maxsize=1_024)
def _told_apart(parts: tuple[str, ...]) -> str:
    """Return parts, each with its length, so that no two different keys read the same."""
    return "".join(f"{len(part)}:{part}" for part in parts)


def is_well_formed(code: str) -> bool:
    """Tell whether this can be a code at all; what cannot is never looked up."""
    return _WELL_FORMED.fullmatch(code) is not None


def is_reserved(code: str) -> bool:
    """Tell whether this is a path of our own."""
    return code.lower() in RESERVED_CODES


# Those of our own paths that could be drawn.
_RESERVED_STARTS = tuple(code for code in RESERVED_CODES if len(code) >= SHORTEST and set(code) <= set(ALPHABET))


def _characters(randomness: bytes) -> str:
    drawn = randomness.translate(_TO_CODE, _UNFAIR)
    while len(drawn) < LONGEST:
        randomness = hashlib.sha256(randomness).digest()
        drawn += randomness.translate(_TO_CODE, _UNFAIR)
    code = drawn[:LONGEST].decode("ascii")
    if code.lower().startswith(_RESERVED_STARTS):
        return _characters(hashlib.sha256(randomness).digest())
    return code
