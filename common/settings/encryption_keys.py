"""Keys that encrypt the secrets of an installation: how they are made, and what their file is called."""

import os
from base64 import urlsafe_b64encode

# One key a line: the first encrypts, each of them decrypts.
ENCRYPTION_KEYS = "encryption.keys"
_BYTES = 32


def new_encryption_key() -> str:
    """Return a new key, as `CLICKTRAIL_ENCRYPTION_KEYS` takes it: 256 random bits in URL-safe base64."""
    return urlsafe_b64encode(os.urandom(_BYTES)).decode()
