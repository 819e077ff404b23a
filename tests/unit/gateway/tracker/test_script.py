"""The tracking script as it is served."""

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.tracker.script import ADAPTERS, PLATFORMS, SCRIPT, adapted_script

SOURCE = SCRIPT.with_name("tracker.js")
# Of each file that is served, what it is made of.
SOURCES = {SCRIPT: [SOURCE]} | {
    adapted_script(platform): [SOURCE, ADAPTERS / "shared.js", ADAPTERS / f"{platform}.js"] for platform in PLATFORMS
}


@pytest.mark.parametrize("served", SOURCES, ids=lambda path: path.name)
def test_what_is_served_was_made_of_its_source(served: Path) -> None:
    """It names the source that it was made of: who changes that runs `make script`."""
    source = b"".join(path.read_bytes() for path in SOURCES[served])
    first_line = served.read_bytes().partition(b"\n")[0]
    assert first_line == b"// " + sha256(source).hexdigest().encode()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_adapter_is_small(platform: str) -> None:
    """It adds less than 1 KB to the script."""
    assert 0 < adapted_script(platform).stat().st_size - SCRIPT.stat().st_size < 1024


def test_every_adapter_is_served() -> None:
    """Those that there are, and no other."""
    assert sorted(path.stem for path in ADAPTERS.glob("*.js") if "." not in path.stem) == ["shared", *PLATFORMS]
