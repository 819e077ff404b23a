"""The tracking script as it is served."""

from hashlib import sha256

from gateway.tracker.script import SCRIPT


def test_what_is_served_was_made_of_its_source() -> None:
    """It names the source that it was made of: who changes that runs `make script`."""
    source = SCRIPT.with_name("tracker.js").read_bytes()
    first_line = SCRIPT.read_bytes().partition(b"\n")[0]
    assert first_line == b"// " + sha256(source).hexdigest().encode()
