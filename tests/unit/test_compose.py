"""The compose file runs what the code can be told, and publishes nothing but the gateway."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.settings import PREFIX, Settings
from gateway.settings import GatewaySettings
from shortener_service.settings import ShortenerSettings
from tracking_service.settings import TrackingSettings

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
LONG_RUNNING = {"redis", "postgres", "tracking", "shortener", "gateway"}


def test_everything_is_there() -> None:
    """Three services, two stores, migrations, and ways to run commands at the services and at the database."""
    assert set(SERVICES) == LONG_RUNNING | {"migrate", "cli", "database"}


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
    stores = {network for store in ("redis", "postgres") for network in SERVICES[store]["networks"]}
    assert not stores & set(SERVICES["gateway"]["networks"])


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_what_runs_is_watched_and_started_again(name: str) -> None:
    """Each has a health check and a restart policy; what keeps data keeps it on a volume."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert ("volumes" in service) == (name in ("redis", "postgres", "tracking"))


def test_migrations_come_before_the_service() -> None:
    """Tracking starts once they have succeeded."""
    assert SERVICES["tracking"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [("gateway", GatewaySettings), ("shortener", ShortenerSettings), ("tracking", TrackingSettings)],
)
def test_only_settings_that_exist_are_set(name: str, settings: type[Settings]) -> None:
    """Each variable is one that its service reads."""
    known = {PREFIX + field.upper() for field in settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


def test_redis_is_a_system_of_record() -> None:
    """It writes ahead, with the policy that the shortener expects, and evicts nothing."""
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    fsync = re.search(r"--appendfsync (\S+)", command)
    assert fsync is not None
    assert fsync[1] == SERVICES["shortener"]["environment"]["CLICKTRAIL_REDIS_FSYNC"]
