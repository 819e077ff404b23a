"""A second database, for what is brought back."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest_asyncio

from cli.embedded.server_process import ServerProcess
from tracking_service.postgres.migrate import migrate


@pytest_asyncio.fixture
async def other_url(postgres_server: ServerProcess) -> AsyncIterator[str]:
    """Return the address of another database, migrated and empty."""
    name = f"other_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute(f"CREATE DATABASE {name}")
    url = f"{postgres_server.url.rpartition('/')[0]}/{name}"
    await migrate(url)
    yield url
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()
