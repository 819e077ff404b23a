"""Reading answers in the form of the API."""

import asyncio
from typing import Any

import httpx


def faults_of(response: httpx.Response) -> list[tuple[str, str | None]]:
    """Return types and parameters of an answer's errors, which must be in the form of the API."""
    body: dict[str, Any] = response.json()
    assert list(body) == ["errors"]
    for error in body["errors"]:
        assert {"type", "description"} <= error.keys() <= {"type", "parameter", "description"}
    return [(error["type"], error.get("parameter")) for error in body["errors"]]


async def raw(address: str, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back until the gateway hangs up."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(-1), 120)
    writer.close()
    return answer
