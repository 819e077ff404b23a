"""Requests that real pages sent, replayed: nothing but the address has changed for them."""

import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import System, client_with
from tests.e2e.test_trail import make_link, path_of, report_when, session_of

RECORDED_SESSION = "bBJn9vR15yPaYkWmR2QK0jopMeNxrA6l"
WIRE = Path(__file__).parents[2] / "contract" / "wire"
LINES = [
    pytest.param(json.loads(line), id=f"{path.stem}-{number}")
    for path in sorted(WIRE.glob("*.jsonl"))
    for number, line in enumerate(path.read_text().splitlines(), 1)
]


def replayed(line: dict[str, Any], business: str, session: str) -> dict[str, Any]:
    """Return a recorded request with a business and a session of ours, and a visitor nobody has identified yet."""
    ours = {"BIZ": business, RECORDED_SESSION: session, "user_123": f"user_{secrets.token_hex(6)}"}
    text = json.dumps(line)
    for recorded, own in ours.items():
        text = text.replace(recorded, own)
    replaced: dict[str, Any] = json.loads(text)
    return replaced


@pytest.mark.parametrize("line", LINES)
async def test_a_recorded_request_is_answered(
    line: dict[str, Any], system: System, private: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """Each is answered 2xx with CORS headers that let the page read the answer; events count for the campaign."""
    link = await make_link(private, profile=f"p-{secrets.token_hex(6)}")
    session = session_of(await phone.get(path_of(link["short_url"])))
    request = replayed(line, system.business, session)
    async with client_with(system) as page:
        response = await page.request(
            request["method"], request["path"], headers=request["headers"], content=request["body"].encode()
        )
    assert response.is_success, response.text
    assert response.headers["access-control-allow-origin"] in ("*", "https://shop.example.com")
    answer = response.json()
    if line["path"] == "/v1/track/sessions":
        assert response.status_code == 201
        assert len(answer["id"]) == 32
    elif line["path"] in ("/v1/track/events", "/v1/public/acks"):
        assert (response.status_code, answer["status"]) == (200, "received")
    elif line["path"] == "/v1/public/identifications":
        assert answer == {"status": "received"}
    else:
        assert answer["id"] == system.business
    if line["path"] == "/v1/track/events" and session in request["body"]:
        report = await report_when(private, link["campaign"], clicks=1)
        assert report["totals"]["clicks"] == 1
