"""Real servers for all tests: one Redis and one PostgreSQL a run, empty for each test."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from cli.embedded.postgres_server import postgres_server as new_postgres_server
from cli.embedded.redis_server import redis_server as new_redis_server
from cli.embedded.server_process import ServerProcess
from tests.support.memory import folder_in_memory
from tests.support.postgres_roles import as_service
from tests.support.system import phone, private, public, system

# Fixtures, here so that one run of the system serves all folders.
__all__ = ["phone", "private", "public", "system"]

TEMPLATE = "clicktrail_template"
# A test with one of them needs a Redis or a PostgreSQL. `make test-fast` leaves it out.
STORES = {"redis_server", "postgres_server", "system", "killable"}
# Each starts many processes. Where tests run in parallel, one worker has all tests of one of these, and starts it once;
# a test with several of them goes with the first.
SHARED = ("run", "killable", "chain", "browser", "system", "start_up", "gateway")
# What runs first, the longest before all: begun last, one of them would keep one worker busy and the others idle.
# Each other folder follows in the order of its name; the short tests of `unit` fill the gaps in the end.
LONGEST = ("browser", "openapi", "system", "killable", "start_up", "run", "chain", "gateway")
_database_numbers = count(1)
_spool_numbers = count(1)
# How long an example takes is the machine's affair, as it is in all other tests.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark by their fixtures which tests need a store, and which share servers; pytest-xdist reads that afterwards.

    A test that starts a store without a fixture is marked where it stands, and so is one with a group of its own.
    """
    is_parallel = config.pluginmanager.hasplugin("xdist")
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        if not STORES.isdisjoint(fixtures):
            item.add_marker(pytest.mark.stores)
        group = next((name for name in SHARED if name in fixtures), None)
        if group is not None and is_parallel and _group_of(item) is None:
            item.add_marker(pytest.mark.xdist_group(group))
    if is_parallel:
        items.sort(key=_turn)


def _group_of(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else None


def _turn(item: pytest.Item) -> int:
    """Return when a test's turn is, beside others of the same turn in the order in which they stand."""
    group = _group_of(item)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


@pytest.fixture(scope="session")
def spools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all spools."""
    return tmp_path_factory.mktemp("spools")


@pytest.fixture(autouse=True)
def spool_dir(spools: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the services of each test a spool of their own: what one leaves there is no other's."""
    path = spools / str(next(_spool_numbers))
    path.mkdir()
    monkeypatch.setenv("CLICKTRAIL_SPOOL_DIR", str(path))
    return path


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a Redis for the whole session; tests that stop it start it again."""
    with folder_in_memory(tmp_path_factory.mktemp("redis")) as folder:
        server = new_redis_server(folder)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a PostgreSQL for the whole session; tests that stop it start it again."""
    with folder_in_memory(tmp_path_factory.mktemp("postgres")) as folder:
        server = new_postgres_server(folder)
        server.start()
        asyncio.run(_wait_for_no_disk(server.url))
        yield server
        server.stop()


@pytest_asyncio.fixture
async def redis_url(redis_server: ServerProcess) -> str:
    """Return the address of the session's Redis, emptied."""
    async with Redis.from_url(redis_server.url) as redis:
        await redis.flushall()
    return redis_server.url


@pytest_asyncio.fixture
async def postgres_url(postgres_server: ServerProcess, postgres_template: str) -> AsyncIterator[str]:
    """Return the address of a fresh, migrated database, as its owner; it is dropped after the test."""
    name = f"clicktrail_test_{next(_database_numbers)}"
    # File by file costs a fifth less than by way of the log, where nothing waits for the disk.
    await _execute(postgres_server.url, f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY FILE_COPY")
    yield _with_database(postgres_server.url, name)
    await _execute(postgres_server.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(scope="session")
async def postgres_template(postgres_server: ServerProcess) -> str:
    """Return the name of a migrated database that the tests' databases are copied from."""
    await _execute(postgres_server.url, f"CREATE DATABASE {TEMPLATE}")
    owner = _with_database(postgres_server.url, TEMPLATE)
    urls = {"CLICKTRAIL_POSTGRES_OWNER_URL": owner, "CLICKTRAIL_POSTGRES_URL": as_service(owner)}
    environment = os.environ | urls
    command = [sys.executable, "-m", "tracking_service.migrate"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: ASYNC221, S603  (nothing else runs yet)
    assert done.returncode == 0, done.stderr
    return TEMPLATE


async def _wait_for_no_disk(url: str) -> None:
    """Leave it to the kernel to write: processes are killed here, but no machine; each test has a database made."""
    await _execute(url, "ALTER SYSTEM SET fsync = off")
    await _execute(url, "SELECT pg_reload_conf()")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _with_database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
