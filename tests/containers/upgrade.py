"""From the last release to this one and back, one service at a time, while people click."""

import re
import subprocess
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from tests.containers.documents import ROOT
from tests.containers.load import Load, require_balance
from tests.containers.shop import shop_from
from tests.containers.stack import running, say

OPERATING = "docs/operating.md"
CLICKS_A_SECOND = 20
# What goes on between two steps, so that each is seen by itself.
QUIET_SECONDS = 5
GOAL_SECONDS = 2.0
_COMMIT = re.compile(r"^## .*?commit `([0-9a-f]{7,40})`", re.DOTALL | re.MULTILINE)


def upgrade() -> None:
    """Replace the last release by this version under load, then this version by the last release."""
    release = last_release()
    say(f"from {release} to this version, and back")
    with tempfile.TemporaryDirectory() as folder, running() as new:
        unpack(release, Path(folder))
        old = new.in_folder(Path(folder), CLICKTRAIL_VERSION="last-release")
        shop = shop_from(old.told(OPERATING, "Install"), old)
        paths = shop.make_links("spring", 40)
        with Load(shop, paths, CLICKS_A_SECOND) as load:
            load.run_for(QUIET_SECONDS)
            new.told(OPERATING, "Upgrade")
            load.run_for(QUIET_SECONDS)
            old.told(OPERATING, "Go back")
            load.run_for(QUIET_SECONDS)
            new.told(OPERATING, "Upgrade")
            new.told(OPERATING, "Finish an upgrade")
            load.run_for(QUIET_SECONDS)
        require_balance(load, new, ("GET", 503), ("POST", 503))
        # Told, and no condition: it is the time in which a gateway starts, on a machine that may be busy otherwise.
        say(f"longest gap {load.longest_gap_seconds:.2f} s; the goal is under {GOAL_SECONDS:g} s")
        assert not new.trouble(), new.trouble()[:10]


def last_release() -> str:
    """Return the last tag before this commit; in a clone without tags, the last release's commit by the change log."""
    described = _git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD")
    if described:
        return described
    found = _COMMIT.search((ROOT / "CHANGELOG.md").read_text())
    assert found is not None, "there is no tag, and CHANGELOG.md names no commit of a release"
    say("this clone has no tags: the last release is the commit that CHANGELOG.md names")
    return found[1]


def unpack(revision: str, folder: Path) -> None:
    """Write the files of a revision into a folder."""
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603, S607
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip()
