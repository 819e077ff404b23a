"""The command line by itself: help, versions, and failures in one line."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.data_directory import DataDirectory
from cli.embedded.ports import LOOPBACK, free_port

ROOT = Path(__file__).parents[3]
COMMANDS: tuple[list[str], ...] = (
    [],
    ["up"],
    ["demo"],
    ["links"],
    ["links", "create"],
    ["report"],
    ["reconcile"],
    ["rejected"],
    ["business", "create"],
    ["token", "create"],
    ["connection"],
    ["connection", "add"],
    ["connection", "replay"],
    ["migrate"],
    ["backup"],
    ["restore"],
    ["report-link"],
    ["healthcheck"],
)
# Those that call a service or a database, which is at {}.
OF_OTHERS: tuple[list[str], ...] = (
    ["report", "--business", "b", "--tracking", "{}"],
    ["reconcile", "--business", "b", "--tracking", "{}"],
    ["rejected", "--tracking", "{}"],
    ["links", "create", "--business", "b", "--csv", "{csv}", "--destination", "https://a.example", "--shortener", "{}"],
    ["restore", "--shortener", "{}"],
    ["migrate", "--postgres-url", "postgresql://u@{}/d"],
    ["backup", "{csv}", "--postgres-url", "postgresql://u@{}/d"],
)


def clicktrail(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-m", "cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    """`--help` shows what a command does and ends well."""
    shown = CliRunner().invoke(app, [*command, "--help"], prog_name="clicktrail")
    assert shown.exit_code == 0, shown.stderr
    assert "Usage: clicktrail" in shown.stdout


def test_the_version_is_shown() -> None:
    """`--version` shows name and version."""
    assert clicktrail("--version").stdout.startswith("clicktrail 0.")


def test_a_service_that_is_away_is_one_line(tmp_path: Path) -> None:
    """A command whose service is away exits with 3 and one line that names the address."""
    address = f"{LOOPBACK}:{free_port()}"
    failed = clicktrail("healthcheck", address, "--timeout", "0.2")
    assert (failed.returncode, failed.stderr) == (3, f"clicktrail: {address} does not serve: Connection refused\n")
    failed = clicktrail("report", "--campaign", "spring", "--data-dir", str(tmp_path))
    assert failed.returncode == 3
    assert failed.stderr.startswith(f"clicktrail: Nothing runs on {tmp_path}")


def test_no_command_waits_long_for_what_is_away(tmp_path: Path) -> None:
    """Each says within seconds who does not answer, and exits with 3; all at once, since each waits for its seconds."""
    recipients = tmp_path / "recipients.csv"
    recipients.write_text("profile,external_id\nana,1\n")
    address = f"{LOOPBACK}:{free_port()}"
    commands = [[argument.format(address, csv=recipients) for argument in command] for command in OF_OTHERS]
    with ThreadPoolExecutor(len(commands)) as threads:
        for command, failed in zip(commands, threads.map(lambda command: clicktrail(*command), commands), strict=True):
            assert failed.returncode == 3, (command, failed.stderr)
            assert str(address.rpartition(":")[2]) in failed.stderr, command
            assert "Traceback" not in failed.stderr, command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report"], "--business"),
        (["report", "--business", "demo", "--timezone", "Mars/Base"], "--timezone: 'Mars/Base' is no time zone"),
        (["report", "--business", "demo", "--from", "soon"], "--from: 'soon' is no time"),
        (
            ["up", "--data-dir", "/proc/here", "--http-port", str(free_port())],
            "The data directory /proc/here cannot be made",
        ),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], said: str) -> None:
    """An option that makes no sense exits with 2 and one line that names it."""
    failed = clicktrail(*arguments)
    assert failed.returncode == 2
    assert said in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_a_log_level_that_there_is_not_names_those_that_there_are() -> None:
    """It is found out before anything is started."""
    failed = clicktrail("up", "--log-level", "loud")
    assert failed.returncode == 2
    assert "--log-level" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("is_there", [False, True])
def test_a_taken_port_leaves_nothing_behind(tmp_path: Path, is_there: bool) -> None:  # noqa: FBT001  (a parameter)
    """Neither a new data directory nor anything in one that was empty."""
    data = tmp_path / "some" / "data"
    if is_there:
        data.mkdir(parents=True)
    with socket.create_server((LOOPBACK, 0)) as taken:
        failed = clicktrail("up", "--data-dir", str(data), "--http-port", str(taken.getsockname()[1]))
    assert failed.returncode == 2
    assert "is taken" in failed.stderr
    assert list(tmp_path.rglob("*")) == ([data.parent, data] if is_there else [])


def test_a_directory_in_use_is_told_before_its_port(tmp_path: Path) -> None:
    """Whoever starts it twice hears that it runs, not that its own port is taken."""
    data = DataDirectory(tmp_path / "data")
    data.make()
    with data.locked(), socket.create_server((LOOPBACK, 0)) as taken:
        failed = clicktrail("up", "--data-dir", str(data.path), "--http-port", str(taken.getsockname()[1]))
    assert failed.returncode == 2
    assert "Another clicktrail is running" in failed.stderr
