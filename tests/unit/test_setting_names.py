"""The table of all names of settings keeps step with the services, the command and the compose files."""

import re
from pathlib import Path

import pytest
import typer

from cli.app import app
from cli.commands import settings_of_options
from common.settings.names import OF_COMMANDS, OF_COMPOSE, OF_SERVICES, misspelt
from gateway.settings import GatewaySettings
from shortener_service.settings import ShortenerSettings
from tracking_service.settings import MigrationSettings

ROOT = Path(__file__).parents[2]
# `$NAME`, `${NAME}`, `${NAME:-…}`; a doubled dollar stands for itself.
INTERPOLATED = re.compile(r"(?<!\$)(?:\$\$)*\$\{?CLICKTRAIL_([A-Z0-9_]+)")
# A name without a value is taken from the environment as it is.
PASSED_ON = re.compile(r"^ +CLICKTRAIL_([A-Z0-9_]+):$", re.MULTILINE)


def test_the_settings_of_services_are_in_the_table() -> None:
    """All of them, and no others."""
    fields = [kind.model_fields for kind in (GatewaySettings, ShortenerSettings, MigrationSettings)]
    assert {name.upper() for each in fields for name in each} == OF_SERVICES


def test_the_settings_of_commands_are_in_the_table() -> None:
    """All of those that no service has, and no others."""
    assert settings_of_options(typer.main.get_command(app)) - OF_SERVICES == OF_COMMANDS


def test_the_settings_of_compose_files_are_in_the_table() -> None:
    """All that only a compose file puts in, and no others."""
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy").rglob("*.yml"), *(ROOT / "deploy").rglob("*.yaml")]
    texts = [file.read_text() for file in files]
    named = {name for text in texts for taken in (INTERPOLATED, PASSED_ON) for name in taken.findall(text)}
    assert named - OF_SERVICES - OF_COMMANDS == OF_COMPOSE


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CLICKTRAIL_OUTBOX_LIMTI", "CLICKTRAIL_OUTBOX_LIMIT"),
        ("CLICKTRAIL_POSTGRES_URI", "CLICKTRAIL_POSTGRES_URL"),
        ("CLICKTRAIL_POSTGRES_PASSWORD_FIL", "CLICKTRAIL_POSTGRES_PASSWORD_FILE"),
        ("CLICKTRAIL_BUISNESS", "CLICKTRAIL_BUSINESS"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(name: str, meant: str) -> None:
    """Whoever's setting it is; what it is set to is not shown."""
    (sentence,) = misspelt({name: "secret-word", "PATH": "/bin"})
    assert sentence == f"{name}: there is no such setting; did you mean {meant}?"


def test_a_name_like_no_other_is_told_without_one() -> None:
    """A guess would only mislead."""
    assert misspelt({"CLICKTRAIL_XYZZY": "1"}) == ["CLICKTRAIL_XYZZY: there is no such setting"]


def test_no_file_is_taken_for_what_compose_alone_puts_in() -> None:
    """Nothing would read it."""
    assert misspelt({"CLICKTRAIL_HTTP_PORT": "80"}) == []
    assert misspelt({"CLICKTRAIL_HTTP_PORT_FILE": "/p"})


def test_names_that_are_known_are_not_told() -> None:
    """Of any process, of commands, of files, in small letters; and others' names never."""
    names = (
        "CLICKTRAIL_REDIS_URL",
        "CLICKTRAIL_REDIS_URL_FILE",
        "CLICKTRAIL_BUSINESS",
        "clicktrail_redis_url",
        "CLICK",
    )
    assert misspelt(dict.fromkeys((*names, "CLICK"), "1")) == []


@pytest.mark.parametrize("service", ["CLICKTRAIL", "CLICKTRAIL_GATEWAY", "CLICKTRAIL_MY_REDIS"])
def test_what_kubernetes_sets_is_not_told(service: str) -> None:
    """It tells every pod of every Service, and a Service may be called after us."""
    told = {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": "7001",
        f"{service}_SERVICE_PORT_GRPC": "7001",
        f"{service}_PORT": "tcp://10.0.0.1:7001",
        f"{service}_PORT_7001_TCP": "tcp://10.0.0.1:7001",
        f"{service}_PORT_7001_TCP_PROTO": "tcp",
        f"{service}_PORT_7001_TCP_PORT": "7001",
        f"{service}_PORT_7001_TCP_ADDR": "10.0.0.1",
    }
    assert misspelt(told) == []


def test_a_port_that_kubernetes_would_not_set_is_told() -> None:
    """It is somebody's mistake."""
    assert misspelt({"CLICKTRAIL_SHORTENER_PORT": "7001"})
