"""What commands take from the environment, from files that it names, and what of it they refuse."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import grpc
import pytest
from redis import Redis

from cli.data_directory import DataDirectory
from cli.embedded.ports import LOOPBACK, free_port
from cli.embedded.server_process import ServerProcess
from cli.service_program import environment_with, settings_with_database
from cli.stack.stack import Front, Stack

NO_OWNER = {"POSTGRES_OWNER_URL": "", "POSTGRES_OWNER_PASSWORD": ""}


def clicktrail(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these settings, named without their prefix."""
    told = {f"CLICKTRAIL_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)


@contextmanager
def no_service() -> Iterator[str]:
    """Serve gRPC without any call, which refuses at once where an address without a server is waited for."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    yield f"{LOOPBACK}:{port}"
    server.stop(None).wait()


@pytest.mark.parametrize("arguments", [["migrate"], ["up", "--data-dir", "{}"], ["token", "create"]], ids=" ".join)
def test_a_misspelt_setting_ends_a_command(arguments: list[str], tmp_path: Path) -> None:
    """Before it does anything, with the nearest name that there is."""
    data = tmp_path / "data"
    failed = clicktrail(*(argument.format(data) for argument in arguments), OUTBOX_LIMTI="1", LOG_LEVLE="secret-word")
    assert failed.returncode == 2
    assert failed.stderr.splitlines() == [
        "clicktrail: these settings are wrong:",
        "  CLICKTRAIL_LOG_LEVLE: there is no such setting; did you mean CLICKTRAIL_LOG_LEVEL?",
        "  CLICKTRAIL_OUTBOX_LIMTI: there is no such setting; did you mean CLICKTRAIL_OUTBOX_LIMIT?",
    ]
    assert not data.exists()


def test_a_misspelt_setting_makes_nothing_ill() -> None:
    """The probe of a container looks at the service, which runs in spite of it; and help is always given."""
    address = f"{LOOPBACK}:{free_port()}"
    assert clicktrail("healthcheck", address, "--timeout", "0.1", OUTBOX_LIMTI="1").returncode == 3
    assert clicktrail("migrate", "--help", OUTBOX_LIMTI="1").returncode == 0


def test_every_fault_of_the_environment_is_told_at_once(tmp_path: Path) -> None:
    """Of files that the command reads, and of names; neither a value nor a path is shown."""
    (tmp_path / "empty").write_text("")
    settings = {
        "BUSINESS_FILE": str(tmp_path / "secret-word"),
        "TRACKING_TARGET": "secret-word",
        "TRACKING_TARGET_FILE": str(tmp_path / "empty"),
        "DATA_DIR_FILE": str(tmp_path / "empty"),
        "OUTBOX_LIMTI": "secret-word",
        "REDIS_URL_FILE": "/not/read/by/this/command",
    }
    failed = clicktrail("token", "create", **settings)
    assert failed.returncode == 2
    told = [line.strip().partition(": ")[0] for line in failed.stderr.splitlines()[1:]]
    assert set(told) == {f"CLICKTRAIL_{name}" for name in ("BUSINESS", "TRACKING_TARGET", "DATA_DIR", "OUTBOX_LIMTI")}
    assert len(told) == 4
    assert "secret-word" not in failed.stderr


def test_options_may_come_from_files(tmp_path: Path) -> None:
    """As they may come from variables; and what the command line says is all that is heard."""
    with no_service() as address, no_service() as other:
        (tmp_path / "address").write_text(f"{address}\n")
        (tmp_path / "business").write_text("demo\n")
        settings = {
            "TRACKING_TARGET_FILE": str(tmp_path / "address"),
            "BUSINESS_FILE": str(tmp_path / "business"),
        }
        failed = clicktrail("token", "create", **settings)
        assert failed.returncode == 1, failed.stderr
        assert f"The service at {address} failed" in failed.stderr
        failed = clicktrail("token", "create", "--tracking", other, **settings | {"TRACKING_TARGET_FILE": "/nowhere"})
        assert failed.returncode == 1, failed.stderr
        assert f"The service at {other} failed" in failed.stderr


def test_what_a_child_is_told_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor another password contradicts it; all else is handed on."""
    for name in ("POSTGRES_URL_FILE", "POSTGRES_PASSWORD_FILE", "REDIS_URL", "REDIS_PASSWORD", "LOG_LEVEL_FILE"):
        monkeypatch.setenv(f"CLICKTRAIL_{name}", f"the {name}")
    monkeypatch.setenv("clicktrail_postgres_password", "in small letters")
    child = environment_with({"POSTGRES_URL": "postgresql://u:word@h/d", "REDIS_URL": "redis://h"})
    ours = {name: value for name, value in child.items() if name.upper().startswith("CLICKTRAIL_")}
    ours.pop("CLICKTRAIL_SPOOL_DIR")
    assert ours == {
        "CLICKTRAIL_POSTGRES_URL": "postgresql://u:word@h/d",
        "CLICKTRAIL_REDIS_URL": "redis://h",
        "CLICKTRAIL_REDIS_PASSWORD": "the REDIS_PASSWORD",
        "CLICKTRAIL_LOG_LEVEL_FILE": "the LOG_LEVEL_FILE",
    }


def test_a_child_reads_the_address_of_the_environment_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that two passwords in it are the fault that they are; one from the command line is handed to it."""
    monkeypatch.setenv("CLICKTRAIL_POSTGRES_URL", "postgresql://a")
    assert settings_with_database("postgresql://a") == {}
    assert settings_with_database("postgresql://b") == {"POSTGRES_URL": "postgresql://b", **NO_OWNER}
    monkeypatch.setenv("CLICKTRAIL_POSTGRES_URL_FILE", "/nowhere")
    assert settings_with_database("postgresql://a") == {"POSTGRES_URL": "postgresql://a", **NO_OWNER}
    assert settings_with_database(None) == {}


def test_a_stack_runs_beside_the_settings_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own stores have their own addresses and passwords, whatever the environment says of others."""
    (tmp_path / "fsync").write_text("everysec\n")
    monkeypatch.setenv("CLICKTRAIL_REDIS_FSYNC_FILE", str(tmp_path / "fsync"))
    monkeypatch.setenv("CLICKTRAIL_POSTGRES_URL_FILE", "/nowhere")
    monkeypatch.setenv("CLICKTRAIL_POSTGRES_PASSWORD", "of another")
    monkeypatch.setenv("CLICKTRAIL_REDIS_PASSWORD_FILE", "/nowhere")
    data = DataDirectory(tmp_path / "data")
    data.make()
    stack = Stack(data, Front())
    try:
        stack.start(lambda _step: None)
        with Redis.from_url(stack.redis.url) as redis:
            assert redis.config_get("appendfsync") == {"appendfsync": "everysec"}
    finally:
        stack.stop()


async def test_migrations_run_by_phase(postgres_server: ServerProcess) -> None:
    """The command hands the phase on, and knows no others; its help says when each is for."""
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute("CREATE DATABASE phases")
    settings = {"POSTGRES_URL": f"{postgres_server.url.rpartition('/')[0]}/phases"}
    try:
        early = await asyncio.to_thread(clicktrail, "migrate", "--phase", "post", **settings)
        assert early.returncode == 1
        assert "These run before any of the phase post: 0001_pre_foundation" in early.stderr
        done = await asyncio.to_thread(clicktrail, "migrate", "--phase", "pre", **settings)
        assert done.returncode == 0
        assert "0001_pre_foundation" in done.stdout
    finally:
        await connection.execute("DROP DATABASE phases WITH (FORCE)")
        await connection.close()
    failed = clicktrail("migrate", "--phase", "now", **settings)
    assert failed.returncode == 2
    assert "--phase" in failed.stderr
    shown = " ".join(clicktrail("migrate", "--help").stdout.replace("│", " ").split())
    assert "before it starts" in shown
