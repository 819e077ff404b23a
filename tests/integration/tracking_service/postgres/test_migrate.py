"""The database comes to the form that the code expects, once, and the service refuses any other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import SecretStr

from cli.embedded.server_process import ServerProcess
from common.rpc.channels import open_channel
from tests.support.waiting import eventually
from tracking_service.bootstrap import build, serve
from tracking_service.postgres import migrate as module
from tracking_service.postgres.migrate import Migration, Phase, migrate, migrations
from tracking_service.postgres.servers import UnfitDatabaseError
from tracking_service.settings import TrackingSettings

HEALTH = health_pb2.HealthCheckRequest()


@pytest_asyncio.fixture
async def empty_url(postgres_server: ServerProcess) -> AsyncIterator[str]:
    """Return the address of a database without a table."""
    name = f"empty_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server.url.rpartition('/')[0]}/{name}"
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


def steps(monkeypatch: pytest.MonkeyPatch, *names: str, sql: str = "SELECT 1") -> None:
    """Let these be all the migrations there are."""
    made = [Migration(name, Phase(name.split("_")[1]), sql) for name in names]
    monkeypatch.setattr(module, "migrations", lambda: made)


async def test_migrating_again_does_nothing(empty_url: str) -> None:
    """Every migration runs once."""
    assert await migrate(empty_url) == [step.name for step in migrations()]
    assert await migrate(empty_url) == []


async def test_many_who_migrate_at_once_do_it_once(empty_url: str) -> None:
    """The others wait, and then have nothing to do."""
    done = await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, len(migrations())]


async def test_phases_run_apart(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is marked post waits, and does not overtake what is marked pre."""
    steps(monkeypatch, "0001_pre_a", "0002_post_b", "0003_pre_c")
    with pytest.raises(UnfitDatabaseError, match="0001_pre_a, 0003_pre_c"):
        await migrate(empty_url, Phase.POST)
    assert await migrate(empty_url, Phase.PRE) == ["0001_pre_a", "0003_pre_c"]
    assert await migrate(empty_url, Phase.POST) == ["0002_post_b"]


async def test_a_migration_that_was_changed_is_noticed(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checksum tells."""
    steps(monkeypatch, "0001_pre_a")
    await migrate(empty_url)
    steps(monkeypatch, "0001_pre_a", sql="SELECT 2")
    with pytest.raises(UnfitDatabaseError, match="changed after they ran: 0001_pre_a"):
        await migrate(empty_url)


async def test_a_migration_that_fails_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its tables nor a record of it."""
    steps(monkeypatch, "0001_pre_a", sql="CREATE TABLE half (); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_url)
    steps(monkeypatch, "0001_pre_a", sql="CREATE TABLE half ()")
    assert await migrate(empty_url) == ["0001_pre_a"]


async def test_a_server_too_old_is_refused(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both versions in the message."""
    monkeypatch.setattr(module, "LEAST_SERVER_VERSION", 99)
    with pytest.raises(UnfitDatabaseError, match="PostgreSQL 99 or newer is needed; the server is 18"):
        await migrate(empty_url)


async def test_the_service_refuses_a_database_without_its_tables(empty_url: str) -> None:
    """It says which migrations are missing, and how to run them."""
    settings = TrackingSettings(tracking_listen="127.0.0.1:0", postgres_url=SecretStr(empty_url), drain_seconds=0)
    with pytest.raises(UnfitDatabaseError, match=r"lacks .*0001_pre_foundation.*`clicktrail migrate`"):
        await serve(settings)


async def test_older_code_runs_on_until_the_phase_post(postgres_url: str) -> None:
    """What newer code needs before it starts does not keep older code from starting; what waits for its end does."""
    connection = await asyncpg.connect(postgres_url)
    note = "INSERT INTO schema_migrations (name, checksum) VALUES ($1, '')"
    await connection.execute(note, "9998_pre_newer")
    await module.check_migrated(connection)
    await connection.execute(note, "9999_post_newer")
    with pytest.raises(UnfitDatabaseError, match="until no older code runs: 9999_post_newer"):
        await module.check_migrated(connection)
    await connection.close()


async def test_the_service_waits_for_a_server_that_is_away(tmp_path: Path) -> None:
    """Its health is NOT_SERVING meanwhile, and it goes on waiting."""
    nowhere = f"postgresql://postgres@/clicktrail?host={tmp_path}"
    service = await build(
        TrackingSettings(tracking_listen="127.0.0.1:0", postgres_url=SecretStr(nowhere), drain_seconds=0)
    )
    upkeep = await service.start()
    async with open_channel(f"ipv4:127.0.0.1:{service.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        status = (await health.Check(HEALTH, timeout=60, wait_for_ready=True)).status  # type: ignore[attr-defined]
    assert status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert not upkeep.done()
    await service.stop()


async def test_the_service_serves_once_postgres_answers(postgres_url: str) -> None:
    """Its health becomes SERVING by itself."""
    service = await build(
        TrackingSettings(tracking_listen="127.0.0.1:0", postgres_url=SecretStr(postgres_url), drain_seconds=0)
    )
    await service.start()
    async with open_channel(f"ipv4:127.0.0.1:{service.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)

        async def status() -> int:
            answer = await health.Check(HEALTH, timeout=60, wait_for_ready=True)  # type: ignore[attr-defined]
            return int(answer.status)

        await eventually(status, lambda seen: seen == health_pb2.HealthCheckResponse.SERVING)
    await service.stop()
