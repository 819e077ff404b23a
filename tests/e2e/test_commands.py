"""The command line against a running system."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.system import CLIENT_SECONDS

if TYPE_CHECKING:
    from tests.e2e.conftest import System

RECIPIENTS = 1_200


def clicktrail(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)


def _key(system: "System") -> list[str]:
    return ["--key-file", str(system.operator_key)]


@pytest.fixture
def recipients(tmp_path: Path) -> Path:
    """Write a file of recipients."""
    path = tmp_path / "recipients.csv"
    rows = "".join(f"person-{number},order-{number}\n" for number in range(RECIPIENTS))
    path.write_text("profile,external_id\n" + rows)
    return path


def test_links_are_created_from_a_file_and_repeated_the_same(
    system: "System", recipients: Path, tmp_path: Path
) -> None:
    """Each recipient has a short URL that redirects; a second run answers the very same."""
    command = ["links", "create", "--csv", str(recipients), "--destination", "https://shop.example.com/p"]
    where = ["--campaign", "from-a-file", "--business", system.business, "--shortener", system.shortener, *_key(system)]
    made = clicktrail(*command, *where, "-o", str(tmp_path / "links.csv"))
    assert made.returncode == 0, made.stderr
    rows = list(csv.DictReader((tmp_path / "links.csv").read_text().splitlines()))
    assert [row["profile"] for row in rows] == [f"person-{number}" for number in range(RECIPIENTS)]
    assert httpx.get(f"{system.http}/{rows[-1]['code']}", timeout=CLIENT_SECONDS).status_code == 302
    assert clicktrail(*command, *where, "-o", str(tmp_path / "links.csv")).returncode == 0
    assert list(csv.DictReader((tmp_path / "links.csv").read_text().splitlines())) == rows
    again = clicktrail(*command, *where)
    assert list(csv.DictReader(again.stdout.splitlines())) == rows


def test_recipients_without_a_link_are_told(system: "System", tmp_path: Path) -> None:
    """A recipient that is refused is told with its line; the others have their links; the exit code is 1."""
    path = tmp_path / "recipients.csv"
    path.write_text("profile,external_id\ngood,g1\nnot a profile,b1\n")
    command = ["links", "create", "--csv", str(path), "--destination", "https://shop.example.com/p"]
    made = clicktrail(*command, "--business", system.business, "--shortener", system.shortener, *_key(system))
    assert made.returncode == 1
    assert [row["profile"] for row in csv.DictReader(made.stdout.splitlines())] == ["good"]
    assert "line 3, b1: " in made.stderr
    assert "1 of 2 recipients" in made.stderr


def test_a_destination_that_is_refused_is_one_line(system: "System", recipients: Path, tmp_path: Path) -> None:
    """What the service refuses is told in its words, with the field once; the links of before stay in their file."""
    command = ["links", "create", "--csv", str(recipients), "--destination", "ftp://shop.example.com/p"]
    command += ["--business", system.business, "--shortener", system.shortener, *_key(system)]
    made = clicktrail(*command)
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.startswith("clicktrail: template.destination is not an http or https address")
    assert made.stderr.count("\n") == 1
    kept = tmp_path / "links.csv"
    kept.write_text("of before")
    assert clicktrail(*command, "-o", str(kept)).returncode == 2
    assert kept.read_text() == "of before"


def test_a_report_is_shown_as_json(system: "System") -> None:
    """`--json` prints what the HTTP API answers: the same names, numbers as numbers."""
    where = ["--campaign", "spring-sale", "--business", system.business, "--tracking", system.tracking, *_key(system)]
    shown = clicktrail("report", *where, "--interval", "day", "--json")
    assert shown.returncode == 0, shown.stderr
    report = json.loads(shown.stdout)
    headers = {"Authorization": f"Bearer {system.token}"}
    answer = httpx.get(
        f"{system.http}/v1/campaigns/spring-sale/report?interval=day", headers=headers, timeout=CLIENT_SECONDS
    )
    assert report.keys() == answer.json().keys()
    assert (report["campaign"], report["interval"], report["totals"]["recipients"]) == ("spring-sale", "day", 20)
    assert "recipients" in clicktrail("report", *where).stdout


@pytest.mark.parametrize("option", ["--from=2026-11-22T00:07", "--from=9999-01-01", "--campaign="])
def test_what_tracking_refuses_is_a_wrong_command(system: "System", option: str) -> None:
    """It exits with 2, as what the command finds out by itself does."""
    refused = clicktrail("report", option, "--business", system.business, "--tracking", system.tracking, *_key(system))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_a_business_is_created_with_its_token(system: "System") -> None:
    """The public id and a token that works are printed."""
    made = clicktrail("business", "create", "--name", "Second shop", "--tracking", system.tracking, *_key(system))
    assert made.returncode == 0, made.stderr
    shown = dict(line.split() for line in made.stdout.splitlines())
    credential = {"Authorization": f"Bearer {shown['token']}"}
    answer = httpx.get(f"{system.http}/v1/report", headers=credential, timeout=CLIENT_SECONDS)
    assert answer.status_code == 200
    more = clicktrail("token", "create", "--business", shown["business"], "--tracking", system.tracking, *_key(system))
    assert dict(line.split() for line in more.stdout.splitlines())["business"] == shown["business"]


def test_hits_are_judged_again_by_the_rules_of_the_shortener(system: "System") -> None:
    """Tracking asks it for them, with its own key; hits of these very rules are not looked at again."""
    where = ["--business", system.business, "--tracking", system.tracking, *_key(system)]
    judged = clicktrail("rejudge", "--from", "2020-01-01", "--json", *where)
    assert judged.returncode == 0, judged.stderr
    told = json.loads(judged.stdout)
    assert (told["looked_at"], told["changed"], told["rules_version"] >= 1) == (0, 0, True)


def test_the_demo_shows_the_whole_trail() -> None:
    """`demo` walks from links to the report, shows it, and ends well."""
    shown = clicktrail("demo")
    assert shown.returncode == 0, shown.stderr
    for word in ("customer-01", "hellotext_session=", "short_link.clicked", "order.placed", "395.00 USD"):
        assert word in shown.stdout


def test_a_token_is_created_for_operators_alone(system: "System") -> None:
    """Neither whoever reaches the port nor the gateway, which faces the world, gets one: exit 3 and one line."""
    command = ["token", "create", "--business", system.business, "--tracking", system.tracking]
    without = clicktrail(*command)
    by_gateway = clicktrail(*command, "--key-file", str(system.keys / "gateway.key"))
    by_reader = clicktrail(*command, "--key-file", str(system.keys / "reader.key"))
    for refused in (without, by_gateway, by_reader):
        assert (refused.returncode, refused.stdout) == (3, "")
        (line,) = refused.stderr.splitlines()
        assert line.startswith("clicktrail: not allowed: ")
        assert "--key-file" in line
        assert "CLICKTRAIL_KEY_FILE" in line


def test_commands_find_the_key_of_a_running_stack(system: "System") -> None:
    """In its directory, where it lies beside what tells the addresses."""
    made = clicktrail("token", "create", "--data-dir", str(system.keys.parent))
    assert (made.returncode, made.stdout.split()[:3]) == (0, ["business", "demo", "token"])


def test_a_private_token_is_a_key_for_its_business(system: "System", tmp_path: Path) -> None:
    """It reads the reports of its own business, and of no other."""
    key = tmp_path / "token"
    key.write_text(f"{system.token}\n")
    command = ["report", "--tracking", system.tracking, "--key-file", str(key), "--json", "--business"]
    assert clicktrail(*command, system.business).returncode == 0
    refused = clicktrail(*command, "another-shop")
    assert refused.returncode == 3
    assert "own business" in refused.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no key"),
        ("short\n", "no key"),
        ("# nothing\n", "There is no key"),
        ("sha256:" + "0" * 64, "no key"),
    ],
)
def test_a_key_file_that_has_no_key_is_a_wrong_command(tmp_path: Path, content: str | None, said: str) -> None:
    """It is told before anything is called."""
    file = tmp_path / "operator.key"
    if content is not None:
        file.write_text(content)
    failed = clicktrail("token", "create", "--business", "b", "--tracking", "127.0.0.1:1", "--key-file", str(file))
    assert failed.returncode == 2
    assert said in failed.stderr
