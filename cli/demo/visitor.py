"""Visits Clicktrail over HTTP: as a phone that opens links, as a page and as a shop's server."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cli.failures import CommandFailed, ExitCode

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, where it redirects, the body."""

    status: int
    location: str | None
    body: bytes

    @property
    def session(self) -> str | None:
        """The session that the location carries; None for one without."""
        found = parse_qs(urlsplit(self.location or "").query).get("hellotext_session")
        return found[0] if found else None

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class Visitor:
    """Sends requests to one gateway, each over a connection of its own."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._host = parts.hostname or ""
        self._port = parts.port

    def open(self, path: str, user_agent: str) -> Answer:
        """Open a short link, without following it."""
        return self._send("GET", path, {"User-Agent": user_agent})

    def read(self, path: str, credential: str) -> Answer:
        """Read a resource."""
        return self._send("GET", path, {"Authorization": f"Bearer {credential}"})

    def post(self, path: str, credential: str, body: object) -> Answer:
        """Send JSON."""
        headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
        return self._send("POST", path, headers, json.dumps(body).encode())

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        import http.client  # noqa: PLC0415  (of all commands only the demo needs it, and it is slow to import)

        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheader("Location"), answer.read())
        except (OSError, http.client.HTTPException) as error:
            address = f"http://{self._host}:{self._port}"
            raise CommandFailed(f"{address} did not answer {method} {path}: {error}.", ExitCode.UNAVAILABLE) from None
        finally:
            connection.close()
