"""Runs children that die with us and that, where we are root, have none of root's rights."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from cli.embedded.errors import ServerFailed

NOBODY = 65534
# A process reaches the directory that it was started in whatever lies above that: so this leads to it also where its
# parents are closed to that process, and from there on it is a path like any other.
_WORKING_DIRECTORY = "/proc/self/cwd"


def dying_with_us(command: Sequence[str], death_signal: str) -> list[str]:
    """Return the command so that its process gets a signal, such as `KILL`, when ours is gone (Linux).

    Elsewhere it is returned as it is; the next start on the same directory then stops what was left.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(command)
    return [setpriv, "--pdeathsig", death_signal, "--", *command]


def as_nobody(command: Sequence[str], death_signal: str) -> list[str]:
    """Return the command so that, where we are root, it runs as nobody, without a capability or a way to any.

    It reaches what all users do and, beside that, the directory that it is started in: see `own_directory`.
    """
    if os.geteuid() != 0:
        return dying_with_us(command, death_signal)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerFailed(
            "Servers do not run as root, and the command setpriv (package util-linux) that would change the user is not"
            " on the PATH. Install it, or run this as an ordinary user."
        )
    identity = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    rights = ["--inh-caps=-all", "--no-new-privs"]
    return [setpriv, *identity, *rights, "--pdeathsig", death_signal, "--", *command]


def own_directory(path: Path) -> str:
    """Return how a command of `as_nobody` that is started in a directory names it, whoever may enter its parents."""
    return _WORKING_DIRECTORY if os.geteuid() == 0 else str(path)


def make_private_directory(path: Path) -> None:
    """Create a directory that only the user of `as_nobody` can enter; one that was another's is handed over, whole."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    if os.geteuid() == 0 and path.stat().st_uid != NOBODY:
        # Itself last: where that is interrupted, it is done again.
        for folder, directories, names in os.walk(path, topdown=False):
            for name in (*directories, *names):
                os.chown(Path(folder, name), NOBODY, NOBODY, follow_symlinks=False)
        os.chown(path, NOBODY, NOBODY)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    written = path.with_name(path.name + ".new")
    written.unlink(missing_ok=True)
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)
