"""Lays out the directory that a stack on one machine keeps everything in."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.embedded.privileges import write_secret
from cli.failures import CommandFailed, ExitCode
from common.rpc.keys import ROLES, file_of, new_key
from common.settings.encryption_keys import ENCRYPTION_KEYS, new_encryption_key


@dataclass(frozen=True, slots=True)
class DemoLink:
    """A short link of the demo campaign."""

    profile: str
    external_id: str
    short_url: str
    code: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Where a running stack is reached, and what it was seeded with; the token is a secret."""

    http: str
    shortener: str
    tracking: str
    business: str
    token: str
    links: list[DemoLink]


class DataDirectory:
    """`redis/`, `postgres/`, `spool/`, `logs/`, `keys/`; files: `lock`, `demo.json` (kept).

    While it is ready: `ready.json`, and `postgres.url` for backups.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.redis = self.path / "redis"
        self.postgres = self.path / "postgres"
        self.spool = self.path / "spool"
        self.logs = self.path / "logs"
        self.keys = self.path / "keys"
        self.encryption_keys = self.keys / ENCRYPTION_KEYS
        self._ready = self.path / "ready.json"
        self._postgres_url = self.path / "postgres.url"
        self._demo = self.path / "demo.json"

    def is_made(self) -> bool:
        """Tell whether an earlier start has made it."""
        try:
            return self.logs.is_dir()
        except OSError:
            return False

    def make(self) -> None:
        """Create it with service keys, for our user alone; what exists stays as it is."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            self._make_keys()
        except OSError as error:
            raise CommandFailed(
                f"The data directory {self.path} cannot be made: {error.strerror}.", ExitCode.USAGE
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process; raise `CommandFailed` where another one has it."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandFailed(
                    f"Another clicktrail is running on {self.path}: stop it first, or name another --data-dir.",
                    ExitCode.USAGE,
                ) from None
            yield

    def announce(self, ready: Ready, postgres_url: str) -> None:
        """Write postgres.url and ready.json, each whole or not at all, for our user alone."""
        write_secret(self._postgres_url, postgres_url + "\n")
        write_secret(self._ready, json.dumps(asdict(ready), indent=2) + "\n")

    def withdraw(self) -> None:
        """Remove ready.json and postgres.url."""
        self._ready.unlink(missing_ok=True)
        self._postgres_url.unlink(missing_ok=True)

    def read_ready(self) -> Ready:
        """Read ready.json; raise `CommandFailed` where nothing runs here."""
        try:
            found = json.loads(self._ready.read_text(encoding="utf-8"))
            return Ready(**found | {"links": [DemoLink(**link) for link in found["links"]]})
        except FileNotFoundError:
            raise self._nothing_runs() from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CommandFailed(f"{self._ready} cannot be read: {error}.", ExitCode.USAGE) from None

    def read_postgres_url(self) -> str:
        """Read where PostgreSQL is reached, password included; raise `CommandFailed` where nothing runs here."""
        try:
            return self._postgres_url.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise self._nothing_runs() from None
        except (OSError, ValueError) as error:
            raise CommandFailed(f"{self._postgres_url} cannot be read: {error}.", ExitCode.USAGE) from None

    def read_demo_token(self) -> str | None:
        """Read the demo business's token that an earlier start was given."""
        try:
            return str(json.loads(self._demo.read_text(encoding="utf-8"))["token"])
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep_demo_token(self, token: str) -> None:
        """Keep the demo business's token for later starts: tracking stores only its hash."""
        write_secret(self._demo, json.dumps({"token": token}) + "\n")

    def _make_keys(self) -> None:
        self.keys.mkdir(mode=0o700, exist_ok=True)
        for role in ROLES.values():
            path = file_of(self.keys, role)
            if not path.exists():
                write_secret(path, new_key() + "\n")
        if not self.encryption_keys.exists():
            write_secret(self.encryption_keys, new_encryption_key() + "\n")

    def _nothing_runs(self) -> CommandFailed:
        return CommandFailed(
            f"Nothing runs on {self.path}: there is no ready.json. Start it with"
            f" clicktrail up --data-dir {str(self.path)!r}.",
            ExitCode.UNAVAILABLE,
        )
