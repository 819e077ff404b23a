"""The compose file runs what the code can be told, and publishes nothing but the gateway."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from common.settings.settings import PREFIX, Settings
from gateway.settings import GatewaySettings
from shortener_service.settings import ShortenerSettings
from tracking_service.settings import TrackingSettings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
LONG_RUNNING = {"redis", "postgres", "tracking", "shortener", "gateway"}


def test_everything_is_there() -> None:
    """Three services, two stores, secrets, migrations, and a way to run commands at the database with files."""
    assert set(SERVICES) == LONG_RUNNING | {"secrets", "migrate", "database"}


def test_one_service_builds_the_image_that_all_of_ours_run() -> None:
    """So that it is built once, under a name with the version that the code has."""
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("${CLICKTRAIL_IMAGE")}
    assert {name for name, service in SERVICES.items() if "build" in service} == {"secrets"}
    (image,) = {service["image"] for service in ours.values()}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert image.endswith(f":${{CLICKTRAIL_VERSION:-{version}}}")
    assert SERVICES["secrets"]["build"]["args"]["CLICKTRAIL_VERSION"] == f"${{CLICKTRAIL_VERSION:-{version}}}"
    assert f"ARG CLICKTRAIL_VERSION={version}\n" in DOCKERFILE


def test_the_base_is_named_by_its_digest() -> None:
    """Two builds of a commit stand on the same base; so do both stages."""
    assert re.search(r"^ARG CLICKTRAIL_PYTHON_IMAGE=python:3\.13-slim@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"${CLICKTRAIL_REGISTRY}${CLICKTRAIL_PYTHON_IMAGE}"}


def test_what_the_image_installs_is_locked() -> None:
    """Each dependency stands in the lock file with its hashes, in a version that the project allows."""
    lock = (ROOT / "deploy/requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        wanted = Requirement(text)
        if wanted.name != "clicktrail-protos":
            assert wanted.specifier.contains(locked[wanted.name]), f"{text}: run `make lock`"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_password_stands_in_the_file(name: str) -> None:
    """Secrets are given by files, which the engine does not show; what a container may take is bounded."""
    service = SERVICES[name]
    for variable in service.get("environment", {}):
        assert not variable.endswith(("PASSWORD", "SECRET", "TOKEN")), variable
    assert "mem_limit" in service
    assert "pids_limit" in service
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", ["tracking", "shortener", "gateway"])
def test_each_service_sees_its_own_keys(name: str) -> None:
    """And no others, so that whoever takes over the gateway can call as the gateway alone."""
    service = SERVICES[name]
    folder = service["environment"]["CLICKTRAIL_SERVICE_KEYS_DIR"]
    assert [volume for volume in service["volumes"] if "keys" in volume] == [f"{name}-keys:{folder}:ro"]
    assert f"{name}-keys:{folder}/{name}" in SERVICES["secrets"]["volumes"]
    if name != "gateway":
        assert service["environment"]["CLICKTRAIL_SERVICE_KEYS"] == "${CLICKTRAIL_SERVICE_KEYS:-require}"


def test_a_backup_starts_nothing_but_the_database() -> None:
    """Neither services nor migrations: it is made before these, and loaded where no service runs."""
    database = SERVICES["database"]
    assert set(database["depends_on"]) == {"postgres"}
    assert set(database["networks"]) == set(SERVICES["postgres"]["networks"])
    assert "CLICKTRAIL_POSTGRES_URL" in database["environment"]


@pytest.mark.parametrize("name", ["tracking", "shortener", "gateway"])
def test_a_stop_leaves_time_to_drain(name: str) -> None:
    """Containers are killed later than calls under way are given up."""
    drain: float = GatewaySettings.model_fields["drain_seconds"].default
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > drain


def test_only_the_gateway_is_published() -> None:
    """Nothing else can be reached from outside, and the gateway reaches no store."""
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    assert SERVICES["gateway"]["ports"][0].startswith("${CLICKTRAIL_HTTP_BIND:-127.0.0.1}:")


def test_each_store_is_reached_by_those_that_need_it() -> None:
    """Redis by the shortener, PostgreSQL by tracking and what migrates and backs it up; by nothing else."""
    reached = {
        store: {name for name in SERVICES if set(SERVICES[name].get("networks", [])) & set(SERVICES[store]["networks"])}
        for store in ("redis", "postgres")
    }
    assert reached == {"redis": {"redis", "shortener"}, "postgres": {"postgres", "tracking", "migrate", "database"}}


def test_the_owner_of_the_tables_is_known_to_what_migrates_alone() -> None:
    """Tracking has the address and the password of a role that owns nothing."""
    assert SERVICES["migrate"]["environment"] == SERVICES["database"]["environment"]
    owner = {f"CLICKTRAIL_{name}" for name in ("POSTGRES_OWNER_URL", "POSTGRES_OWNER_PASSWORD_FILE")}
    assert owner < set(SERVICES["migrate"]["environment"])
    assert not owner & set(SERVICES["tracking"]["environment"])
    mounts = [(name, mount) for name, service in SERVICES.items() for mount in service.get("volumes", [])]
    sees = {name for name, mount in mounts if mount.startswith("${CLICKTRAIL_SECRETS")}
    assert sees == {"secrets", "postgres", "migrate", "database"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_writes_but_into_its_volumes(name: str) -> None:
    """The rest of each container's file system is read-only."""
    assert SERVICES[name]["read_only"] is True


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_what_runs_is_watched_and_started_again(name: str) -> None:
    """Each has a health check and a restart policy; what keeps data keeps it on a volume."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert [each for each in service.get("volumes", []) if each.split(":")[0] in ("redis", "postgres", "spool")] == {
        "redis": ["redis:/data"],
        "postgres": ["postgres:/var/lib/postgresql"],
        "tracking": ["spool:/var/lib/clicktrail/spool"],
    }.get(name, [])


def test_migrations_come_before_the_service() -> None:
    """Tracking starts once they have succeeded."""
    assert SERVICES["tracking"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [("gateway", GatewaySettings), ("shortener", ShortenerSettings), ("tracking", TrackingSettings)],
)
def test_only_settings_that_exist_are_set(name: str, settings: type[Settings]) -> None:
    """Each variable is one that its service reads, or the commands that are run there."""
    known = {PREFIX + field.upper() + end for field in settings.model_fields for end in ("", "_FILE")}
    of_commands = {f"{PREFIX}PUBLIC_URL", f"{PREFIX}BUSINESS"} if name == "tracking" else set()
    assert set(SERVICES[name]["environment"]) <= known | of_commands


def test_redis_is_a_system_of_record() -> None:
    """It writes ahead, with the policy that the shortener expects, and evicts nothing."""
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    fsync = re.search(r"--appendfsync (\S+)", command)
    assert fsync is not None
    assert fsync[1] == SERVICES["shortener"]["environment"]["CLICKTRAIL_REDIS_FSYNC"]
