"""Encrypts secrets that must be read again, so that a copy of the database alone tells none of them."""

import re

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# 32 bytes in base64. Fernet reads no further than the first `=`, so that of two keys in a row it takes one alone.
_KEY = re.compile(r"[A-Za-z0-9_+/-]{43}=")


class UnreadableSecret(Exception):  # noqa: N818  (named for the situation)
    """A secret that was encrypted by a key which is not among ours."""


class KeyRing:
    """Keys of an installation: the first one encrypts, each of them decrypts."""

    def __init__(self, keys: str = "") -> None:
        """Take keys with white space or commas between them. Raises `ValueError` for what is no key."""
        texts = keys.replace(",", " ").split()
        if not all(map(_KEY.fullmatch, texts)):
            raise ValueError
        found = [Fernet(key) for key in texts]
        self._first = found[0] if found else None
        self._keys = MultiFernet(found) if found else None

    @property
    def has_keys(self) -> bool:
        """Whether secrets can be kept."""
        return self._keys is not None

    def encrypt(self, secret: str) -> bytes:
        """Return a secret as it may be kept. Raises `UnreadableSecret` where there is no key."""
        if self._keys is None:
            raise UnreadableSecret
        return self._keys.encrypt(secret.encode())

    def renewed(self, kept: bytes) -> bytes:
        """Return a secret as the first key encrypts it; as it is, where that has. Raises `UnreadableSecret`."""
        secret = self.decrypt(kept)
        try:
            if self._first is not None:
                self._first.decrypt(kept)
        except InvalidToken:
            return self.encrypt(secret)
        return kept

    def decrypt(self, kept: bytes) -> str:
        """Return a secret that was kept. Raises `UnreadableSecret`."""
        if self._keys is None:
            raise UnreadableSecret
        try:
            return self._keys.decrypt(kept).decode()
        except InvalidToken:
            raise UnreadableSecret from None
