"""Service keys: which one a process sends, and whose the ones are that are sent to it."""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from clicktrail.common.v1.access_pb2 import ROLE_UNSPECIFIED, Role
from common.logging import get_logger
from common.rare_warnings import RareWarning
from common.rpc.watched_files import WatchedFiles

log = get_logger(__name__)

ROLES: Mapping[str, "Role.ValueType"] = {
    name.removeprefix("ROLE_").lower(): role for name, role in Role.items() if role != ROLE_UNSPECIFIED
}
"""The roles by the names that their files have."""
NAMES = {role: name for name, role in ROLES.items()}
# More than any folder of keys needs.
LARGEST_BYTES = 65_536

_KEY = re.compile(r"[!-~]{32,512}")
# What stands for a key where it need not be sent: whoever reads it there cannot call with it.
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_BYTES = 32


def new_key() -> str:
    """Return a new key: 256 random bits as text."""
    return secrets.token_urlsafe(_BYTES)


def hash_line(key: str) -> str:
    """Return the line that stands for a key in the files of those who accept it and do not send it."""
    return f"sha256:{_hash(key).hex()}"


def file_of(folder: Path, role: "Role.ValueType") -> Path:
    """Return the file with the keys of a role."""
    return folder / f"{NAMES[role]}.key"


def keys_in(path: Path) -> list[str]:
    """Return the keys and hashes in a file, one a line; none where there is no file. Lines with `#` are comments.

    Raises `OSError`, and `ValueError` for a line that is neither; it is not shown.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_BYTES).decode("ascii", "replace")
    except FileNotFoundError:
        return []
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not all(map(_KEY.fullmatch, found)):
        raise ValueError(f"{path.name} has a line that is no key: 32 to 512 visible characters of ASCII")
    return found


def key_to_send(path: Path) -> str | None:
    """Return the first key in a file that is not merely the hash of one. Raises as `keys_in` does."""
    return next((line for line in keys_in(path) if not _HASH.fullmatch(line)), None)


class OwnKey:
    """The key that a process sends: the first in the file of its role."""

    def __init__(self, folder: Path, role: "Role.ValueType") -> None:
        path = file_of(folder, role)
        self._key: WatchedFiles[str | None] = WatchedFiles([path], lambda: key_to_send(path), None)
        self._name = path.name
        self._lacking = RareWarning(log, "there is no service key to send")

    def __call__(self) -> str | None:
        """Return it; None where there is none."""
        key = self._key.current()
        if key is None:
            self._lacking.tell(file=self._name)
        return key


class AcceptedKeys:
    """The keys that a process accepts: all lines of the files of all roles in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        nobody: Mapping[bytes, Role.ValueType] = {}
        self._roles = WatchedFiles([file_of(folder, role) for role in ROLES.values()], self._read, nobody)

    def role_of(self, key: str) -> "Role.ValueType | None":
        """Return whose key it is; None where it is nobody's. Found by its hash, so that time tells nothing of keys."""
        return self._roles.current().get(_hash(key))

    def _read(self) -> Mapping[bytes, "Role.ValueType"]:
        found: dict[bytes, Role.ValueType] = {}
        for key, role in self._pairs():
            if found.setdefault(key, role) != role:
                raise ValueError(f"{NAMES[found[key]]} and {NAMES[role]} have the same key")
        return found

    def _pairs(self) -> Iterator[tuple[bytes, "Role.ValueType"]]:
        for role in ROLES.values():
            for line in keys_in(file_of(self._folder, role)):
                found = _HASH.fullmatch(line)
                yield (bytes.fromhex(found[1]) if found else _hash(line)), role


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
