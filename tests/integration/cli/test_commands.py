"""The command line by itself: help, versions, and failures in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.embedded.ports import LOOPBACK, free_port

ROOT = Path(__file__).parents[3]
COMMANDS: tuple[list[str], ...] = (
    [],
    ["up"],
    ["demo"],
    ["links"],
    ["links", "create"],
    ["report"],
    ["business", "create"],
    ["token", "create"],
    ["migrate"],
    ["healthcheck"],
)


def clicktrail(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-m", "cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    """`--help` shows what a command does and ends well."""
    shown = clicktrail(*command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Usage: clicktrail" in shown.stdout


def test_the_version_is_shown() -> None:
    """`--version` shows name and version."""
    assert clicktrail("--version").stdout.startswith("clicktrail 0.")


def test_a_service_that_is_away_is_one_line(tmp_path: Path) -> None:
    """A command whose service is away exits with 3 and one line that names the address."""
    address = f"{LOOPBACK}:{free_port()}"
    failed = clicktrail("healthcheck", address, "--timeout", "0.2")
    assert (failed.returncode, failed.stderr) == (3, f"clicktrail: {address} does not serve.\n")
    failed = clicktrail("report", "--campaign", "spring", "--data-dir", str(tmp_path))
    assert failed.returncode == 3
    assert failed.stderr.startswith(f"clicktrail: Nothing runs on {tmp_path}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report"], "--business"),
        (["report", "--business", "demo", "--timezone", "Mars/Base"], "--timezone: 'Mars/Base' is no time zone"),
        (["report", "--business", "demo", "--from", "soon"], "--from: 'soon' is no time"),
        (["up", "--data-dir", "/proc/here"], "The data directory /proc/here cannot be made"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], said: str) -> None:
    """An option that makes no sense exits with 2 and one line that names it."""
    failed = clicktrail(*arguments)
    assert failed.returncode == 2
    assert said in failed.stderr
    assert failed.stderr.count("\n") == 1
