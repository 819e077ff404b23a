"""Stubs for other languages, written as `protos/README.md` tells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "protos" / "examples"


def needs(*programs: str) -> None:
    """Leave the test out where a program is missing; where everything is to be run nothing may be left out."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not on the PATH: {', '.join(missing)}")


def run(*command: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Run a program within 300 seconds and return what it printed; where it fails, the test fails with all it said."""
    ran = subprocess.run(  # noqa: S603  (named by our own tests)
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def write_stubs(language: str, out: Path, *options: str) -> None:
    """Run `make stubs-LANGUAGE`, with the tools of the environment that runs the tests."""
    environment = os.path.relpath(sys.prefix, ROOT)
    run("make", f"stubs-{language}", f"OUT={out}", f"VENV={environment}", *options)
