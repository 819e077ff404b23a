"""The obvious version as a contender: FastAPI on uvicorn, with a Redis and a PostgreSQL of its own."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import redis
import uvloop

from benchmarks.contenders.contender import DESTINATION, Missing
from benchmarks.contenders.processes import Parts
from benchmarks.contenders.web_program import WebProgram
from cli.embedded.postgres_server import postgres_server
from cli.embedded.privileges import dying_with_us
from cli.embedded.redis_server import redis_server
from cli.embedded.server_process import ServerProcess

PACKAGES = "pip install 'clicktrail[bench]'"
_TABLES = """
CREATE TABLE clicks (id uuid PRIMARY KEY, code text NOT NULL, session text NOT NULL, clicked_at timestamptz NOT NULL,
    address text, user_agent text);
CREATE INDEX ON clicks (code, clicked_at);
-- As ours, but for what follows from an event: keys, activities, sessions, counters.
CREATE TABLE events (business_id text NOT NULL, received_at timestamptz NOT NULL, id uuid NOT NULL,
    action text NOT NULL, session text, profile_key bigint, credential text NOT NULL, occurred_at timestamptz NOT NULL,
    tracked_at timestamptz, object_id uuid, amount_minor bigint, currency text, metadata json, user_parameters json,
    page json, utm_params json, extra json, address text NOT NULL, user_agent text NOT NULL,
    PRIMARY KEY (business_id, received_at, id)
) PARTITION BY RANGE (received_at);
CREATE TABLE events_all PARTITION OF events DEFAULT;
"""


class Plain:
    """One process of FastAPI and its stores."""

    name = "FastAPI"

    def __init__(self, folder: Path, paths: Sequence[str], workers: int) -> None:
        if not all(find_spec(name) for name in ("fastapi", "uvicorn", "httptools")):
            raise Missing(f"FastAPI is not installed: {PACKAGES}")
        self._redis = redis_server(folder / "redis")
        self._postgres = postgres_server(folder / "postgres")
        # uvicorn with its fast parser and loop.
        program = WebProgram(self.name, lambda port: _command(port, workers), self._environment)
        self._app = ServerProcess(program, log=folder / "plain.log", pid_file=folder / "plain.pid")
        try:
            self._redis.start()
            self._postgres.start()
            self._fill(paths)
            self._app.start()
        except BaseException:
            self.stop()
            raise
        self.url = self._app.url

    @property
    def parts(self) -> Parts:
        """The processes."""
        return {"app": [self._app.pid], "redis": [self._redis.pid], "postgres": [self._postgres.pid]}

    @property
    def stored(self) -> int:
        """The rows of its clicks."""
        return uvloop.run(self._count())

    def stop(self) -> None:
        """End all of it."""
        for server in (self._app, self._redis, self._postgres):
            server.stop()

    def _fill(self, paths: Sequence[str]) -> None:
        uvloop.run(self._make_tables())
        with redis.Redis.from_url(self._redis.url) as client, client.pipeline(transaction=False) as pipeline:
            for path in paths:
                pipeline.set(path[1:], DESTINATION)
            pipeline.execute()

    async def _make_tables(self) -> None:
        connection = await asyncpg.connect(self._postgres.url)
        try:
            await connection.execute(_TABLES)
        finally:
            await connection.close()

    async def _count(self) -> int:
        connection = await asyncpg.connect(self._postgres.url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM clicks"))
        finally:
            await connection.close()

    def _environment(self) -> Mapping[str, str]:
        return os.environ | {"PLAIN_REDIS_URL": self._redis.url, "PLAIN_POSTGRES_URL": self._postgres.url}


def _command(port: int, workers: int) -> Sequence[str]:
    options = ["--port", str(port), "--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    return dying_with_us([sys.executable, "-m", "uvicorn", "benchmarks.contenders.plain_app:app", *options], "TERM")
