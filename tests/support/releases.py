"""The last release, as this clone of the repository has it."""

import re
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COMMIT = re.compile(r"^## .*?commit `([0-9a-f]{7,40})`", re.DOTALL | re.MULTILINE)


class ReleaseMissingError(Exception):
    """This clone does not have the last release; says why."""


def last_release() -> str:
    """Return the last tag before this commit; in a clone without tags, the last release's commit by the change log.

    Raises `ReleaseMissingError` where the clone is too shallow to have that commit, or is none.
    """
    release = _git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD") or _noted()
    if not _git("rev-parse", "--verify", "--quiet", f"{release}^{{commit}}"):
        raise ReleaseMissingError(f"the last release, {release}, is not in this clone: `git fetch --unshallow --tags`")
    return release


def unpack(revision: str, folder: Path, *paths: str) -> None:
    """Write the files of a revision into a folder: all, or those below these paths."""
    command = ["git", "archive", revision, *paths]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def _noted() -> str:
    found = _COMMIT.search((ROOT / "CHANGELOG.md").read_text())
    if found is None:
        raise ReleaseMissingError("there is no tag, and CHANGELOG.md names no commit of a release")
    return found[1]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip()
