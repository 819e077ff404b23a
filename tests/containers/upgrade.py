"""From the last release to this one and back, one service at a time, while people click."""

import tempfile
from pathlib import Path

from tests.containers.load import Load, require_balance
from tests.containers.shop import shop_from
from tests.containers.stack import running, say
from tests.support.releases import last_release, unpack

OPERATING = "docs/operating.md"
CLICKS_A_SECOND = 20
# What goes on between two steps, so that each is seen by itself.
QUIET_SECONDS = 5
GOAL_SECONDS = 2.0


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
        # Subjects, and no condition: it is the time in which a gateway starts, on a machine that may be busy otherwise.
        say(f"longest gap {load.longest_gap_seconds:.2f} s; the goal is under {GOAL_SECONDS:g} s")
        assert not new.trouble(), new.trouble()[:10]
