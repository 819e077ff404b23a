"""The last known connections, on a local disk: what platforms send is judged by them while PostgreSQL is away."""

import base64
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from tracking_service.inbox.delivery import Hook
from tracking_service.inbox.store import PostgresInbox
from tracking_service.local_copy import CopyFile, LocalCopy
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.sqlite_file import damages

FILE = "connections.sqlite"
VERSION = 1
_SCHEMA = "CREATE TABLE IF NOT EXISTS hooks (id TEXT PRIMARY KEY, content TEXT NOT NULL)"


class HookFile(CopyFile[Hook]):
    """The file of connections; their secrets stay encrypted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, _SCHEMA, VERSION)

    def by_id(self, connection_id: str) -> Hook | None:
        """Return a connection."""
        return next(iter(self.found("id = ?", (connection_id,))), None)

    def found(self, condition: str, values: Sequence[str]) -> list[Hook]:
        """Return the connections that a condition holds for."""
        with damages():
            query = f"SELECT content FROM hooks WHERE {condition}"  # noqa: S608  (no value)
            return [_hook(json.loads(content)) for (content,) in self.opened().execute(query, values)]

    def insert(self, connection: sqlite3.Connection, row: Hook) -> None:
        """Add a connection."""
        content = json.dumps(asdict(row), default=_as_json)
        connection.execute("INSERT INTO hooks (id, content) VALUES (?, ?)", (row.id, content))

    def delete(self, connection: sqlite3.Connection, id_: str) -> None:
        """Remove a connection."""
        connection.execute("DELETE FROM hooks WHERE id = ?", (id_,))


class KnownHooks(LocalCopy[Hook]):
    """The last known connections."""

    def __init__(self, folder: Path, store: PostgresInbox, breaker: CircuitBreaker) -> None:
        self._hooks = HookFile(folder)
        super().__init__("connections", self._hooks, store.hooks_after, breaker)

    async def by_id(self, connection_id: str) -> Hook | None:
        """Return a connection."""
        return await self.read(lambda: self._hooks.by_id(connection_id), otherwise=None)


def _as_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else base64.b64encode(value).decode()  # type: ignore[arg-type]


def _hook(kept: dict[str, Any]) -> Hook:
    previous, until = kept["previous_secret"], kept["previous_until"]
    secrets = {
        "secret": base64.b64decode(kept["secret"]),
        "previous_secret": base64.b64decode(previous) if previous else None,
        "previous_until": datetime.fromisoformat(until) if until else None,
    }
    return Hook(**kept | secrets)
