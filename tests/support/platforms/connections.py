"""A connection over HTTP, and the platform that sends to it."""

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

import httpx

from common.clock import now
from tests.support.platforms.signatures import headers_of
from tests.support.system import System, client_with


class Connection:
    """A connection that was made over HTTP; what its platform sends is signed, and dated now."""

    def __init__(self, system: System, made: dict[str, Any], secret: str) -> None:
        self.id: str = made["id"]
        self.platform: str = made["platform"]
        self.secret = secret
        self._system = system
        self._path = urlsplit(made["hook_url"]).path

    @classmethod
    async def make(cls, system: System, private: httpx.AsyncClient, platform: str, **fields: Any) -> "Connection":
        """Make one with a source of its own, so that its orders are no other's."""
        usual = {"source": f"{platform}-{secrets.token_hex(6)}", "secret": secrets.token_urlsafe(24)}
        wanted = {"platform": platform} | usual | fields
        response = await private.post("/v1/connections", json=wanted)
        assert response.status_code == 201, response.text
        return cls(system, response.json(), wanted["secret"])

    async def send(self, told: dict[str, Any] | bytes, topic: str = "", secret: str = "") -> int:
        """Send a delivery, and return the status of the answer."""
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        headers = headers_of(self.platform, body, secret or self.secret, topic)
        async with client_with(self._system, **headers) as client:
            return (await client.post(self._path, content=body)).status_code

    async def send_disordered(self, order: tuple[dict[str, Any], str], refund: tuple[dict[str, Any], str]) -> None:
        """Send an order behind its refund, both twice, and forged ones between."""
        assert await self.send(*refund) == 200
        assert await self.send(*order, secret=_another(self.secret)) == 401
        assert await self.send(*order) == 200
        assert await self.send(*refund, secret=_another(self.secret)) == 401
        assert await self.send(*refund) == 200
        assert await self.send(*order) == 200


def dated(told: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return what was recorded with these times, in the platform's own form, set to this moment."""
    return told | {name: f"{now():%Y-%m-%dT%H:%M:%S}" + ("" if name.endswith("_gmt") else "Z") for name in names}


def _another(secret: str) -> str:
    # With the letters of the other case, so that base64 stays base64.
    return secret[:6] + secret[6:].swapcase()
