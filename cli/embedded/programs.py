"""Finds the programs of servers, tells how old they are, and has them where a user who is not root can read them."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cli.embedded.errors import ServerFailed

_CACHE = Path("/var/cache/clicktrail")
_OTHERS_ENTER = 0o001
# `Redis server v=7.0.15 …`, `Valkey server v=8.1.4 …`, `postgres (PostgreSQL) 18.4`.
_VERSION = re.compile(r"(Redis|Valkey|PostgreSQL)\D+(\d+(?:\.\d+)+)")
# The first patch of each line that has the fixes of October 2025 (CVE-2025-49844: code of one's own by Lua, and
# CVE-2025-21605: all memory, without a password). Lines that are not here were given none.
_FIXED = {
    "Redis": {(6, 2): 20, (7, 2): 11, (7, 4): 6, (8, 0): 4, (8, 2): 2},
    "Valkey": {(7, 2): 11, (8, 0): 6, (8, 1): 4},
}


class ServerBinary(NamedTuple):
    """A program of a server, and what it says of itself; a version of () is not known."""

    path: Path
    name: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        """Name it for people: `Redis 7.0.15 (/usr/bin/redis-server)`."""
        return f"{self.name} {'.'.join(map(str, self.version))} ({self.path})"

    @property
    def has_fixes(self) -> bool:
        """Whether its version is one that has the fixes that we know of."""
        lines = _FIXED.get(self.name, {})
        line, patch = self.version[:2], self.version[2:]
        return patch >= (lines[line],) if line in lines else line > max(lines, default=())

    @property
    def weakness(self) -> str | None:
        """Say what its version lacks; None where it lacks nothing that we know of."""
        if self.has_fixes:
            return None
        return (
            f"{self} is older than the security fixes of October 2025, unless its packager has put them in: not for a"
            f" machine with other users. A current Redis or Valkey on the PATH is taken in its place"
        )


@cache
def server_binary(path: Path) -> ServerBinary:
    """Ask a program for its name and version."""
    command = [str(path), "--version"]
    try:
        shown = subprocess.run(  # noqa: S603  (found by a fixed name)
            command, capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except OSError:
        shown = ""
    found = _VERSION.search(shown)
    return ServerBinary(path, *_told(found)) if found else ServerBinary(path, path.name, ())


def _told(found: re.Match[str]) -> tuple[str, tuple[int, ...]]:
    return found[1], tuple(int(number) for number in found[2].split("."))


def folders_of_package(name: str) -> Iterator[Path]:
    """Yield where an installed package lies; nothing where it is not installed."""
    spec = find_spec(name)
    yield from map(Path, (spec.submodule_search_locations or ()) if spec else ())


def readable_by_all(program: Path, *trees: Path) -> Path:
    """Return a program or, where we are root and others cannot get at it, a copy of it in copies of its `trees`.

    Below a home directory such as /root, a server that is not root could not be started. A copy is made once; trees lie
    in it beside each other as they did.
    """
    if os.geteuid() != 0 or _is_open(program.resolve()):
        return program
    base = Path(os.path.commonpath([tree.parent for tree in trees]))
    there = program.stat()
    key = sha256(f"{program.resolve()} {there.st_mtime_ns} {there.st_size}".encode()).hexdigest()[:16]
    try:
        if not (_CACHE / key).exists():
            _copy(base, trees, _CACHE / key)
    except OSError as error:
        raise ServerFailed(
            f"{program} cannot be run by a user who is not root, since not everybody can get at it, nor be copied to"
            f" {_CACHE}: {error.strerror}. Install Clicktrail where everybody can read it, or run this as an ordinary"
            " user."
        ) from error
    return _CACHE / key / program.relative_to(base)


def _copy(base: Path, trees: Sequence[Path], copy: Path) -> None:
    """Copy trees that lie below `base`, whole or not at all; two at once do no harm."""
    _CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    _CACHE.chmod(0o755)
    unfinished = Path(tempfile.mkdtemp(dir=_CACHE))
    try:
        for tree in trees:
            target = unfinished / tree.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            if tree.is_dir():
                shutil.copytree(tree, target, symlinks=True)
            else:
                shutil.copy2(tree, target)
        _open_up(unfinished)
        # Another process may have been quicker: what it has made is the same.
        with suppress(OSError):
            unfinished.rename(copy)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_up(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            is_run = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_run else 0o644)


def _is_open(program: Path) -> bool:
    """Tell whether all users can get to a program and run it."""
    return all(path.stat().st_mode & _OTHERS_ENTER for path in (program, *program.parents))
