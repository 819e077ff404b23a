"""Builds command lines for children that die with us and, where they must not be root, are not."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from cli.embedded.errors import ServerFailed

NOBODY = 65534
# What root leaves its children: to reach a data directory below directories that only root may enter.
_CAPABILITIES = "-all,+dac_override,+dac_read_search"


def dying_with_us(command: Sequence[str], death_signal: str) -> list[str]:
    """Return the command so that its process gets a signal, such as `KILL`, when ours is gone (Linux).

    Elsewhere it is returned as it is; the next start on the same directory then stops what was left.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(command)
    return [setpriv, "--pdeathsig", death_signal, "--", *command]


def as_nobody(command: Sequence[str], death_signal: str) -> list[str]:
    """Return the command so that it also runs as nobody where we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return dying_with_us(command, death_signal)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerFailed(
            "PostgreSQL does not run as root, and the command setpriv (package util-linux) that would change the user"
            " is not on the PATH. Install it, or run this as an ordinary user."
        )
    identity = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    capabilities = [f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}"]
    return [setpriv, *identity, *capabilities, "--pdeathsig", death_signal, "--", *command]


def make_private_directory(path: Path) -> None:
    """Create a directory that only the user of `as_nobody` can enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    if os.geteuid() == 0:
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
