"""Runs what operators are told to do, with real containers: `make containers`."""

import argparse
import subprocess
import sys
import time

from tests.containers.documented import documented
from tests.containers.documents import ROOT
from tests.containers.load import UnbalancedError
from tests.containers.overrides import SCENARIOS
from tests.containers.stack import PYTHON_IMAGE, CommandFailedError, say
from tests.containers.upgrade import upgrade

USUAL_IMAGES = (PYTHON_IMAGE, "postgres:18", "redis:7-alpine")


def main() -> None:
    """Run what the command line names; exit with 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="make containers", description=__doc__)
    parser.add_argument(
        "--with",
        dest="names",
        action="append",
        choices=[*SCENARIOS, "all"],
        default=[],
        help="instead of the plain run",
    )
    parser.add_argument("--upgrade", action="store_true", help="from the last release to this version and back")
    arguments = parser.parse_args()
    names = list(SCENARIOS) if "all" in arguments.names else arguments.names
    runs = {f"with {name}": SCENARIOS[name][1] for name in names}
    if arguments.upgrade:
        runs["upgrade"] = upgrade
    prepare_images({image for name in names for image in SCENARIOS[name][0]})
    failed: list[str] = []
    for name, run in (runs or {"as documented": documented}).items():
        begun = time.monotonic()
        say(f"containers {name}")
        try:
            run()
        except (CommandFailedError, UnbalancedError, AssertionError) as error:
            failed.append(name)
            say(f"containers {name}: FAILED\n{error}")
            continue
        say(f"containers {name}: ok, in {time.monotonic() - begun:.0f} s")
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")


def prepare_images(more: set[str]) -> None:
    """Have the public images that are taken, or what stands in for them."""
    subprocess.run(["bash", str(ROOT / "tests/containers/images.sh"), *USUAL_IMAGES, *sorted(more)], check=True)  # noqa: S603, S607


if __name__ == "__main__":
    main()
