"""Tells what of the last release's protos is gone or means something else, as `buf breaking` has it.

The last release is taken from this clone, so it needs no network. A clone that does not have it is told so; under CI,
where nobody reads what is only told, it fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.releases import ROOT, ReleaseMissingError, last_release, unpack

PROTOS = ROOT / "protos"
BUF = Path(sys.executable).parent / "buf"


def main() -> int:
    """Compare, and return buf's exit code; 1 where there is nothing to compare with under CI, else 0."""
    try:
        release = last_release()
    except ReleaseMissingError as error:
        print(f"The protos were not compared with the last release's: {error}")  # noqa: T201  (a program for people)
        return 1 if os.environ.get("CI") else 0
    with tempfile.TemporaryDirectory() as folder:
        unpack(release, Path(folder), "protos")
        earlier = Path(folder) / "protos"
        shutil.copytree(PROTOS / "third_party", earlier / "third_party")
        return subprocess.run([BUF, "breaking", "--against", earlier], cwd=PROTOS, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
