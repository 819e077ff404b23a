"""Events and links as shops' programs write them."""

import secrets

import httpx
import pytest

from tests.support.waiting import eventually

EVENTS = "/v1/attribution/events"


def session() -> str:
    """Return a session that a browser made up."""
    return secrets.token_hex(16)


async def test_half_an_emoji_refuses_nothing(public: httpx.AsyncClient, private: httpx.AsyncClient) -> None:
    """Neither in the title of a page nor in somebody's name."""
    event = b'{"action": "page.viewed", "session": "%b", "page": {"title": "Sale \\ud83d"}}' % session().encode()
    taken = await public.post("/v1/track/events", content=event, headers={"Content-Type": "application/json"})
    assert taken.status_code == 200, taken.text
    profile = b'{"id": "p-%b", "name": "Ana \\ud83d"}' % secrets.token_hex(6).encode()
    made = await private.post("/v1/profiles", content=profile, headers={"Content-Type": "application/json"})
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "Ana \ufffd"


async def test_php_has_no_empty_objects(private: httpx.AsyncClient) -> None:
    """An empty list in the place of one is as nothing; one with something in it is none."""
    event = {"action": "page.viewed", "session": session()}
    assert (await private.post(EVENTS, json=event | {"metadata": [], "page": []})).status_code == 200
    refused = await private.post(EVENTS, json=event | {"metadata": [1]})
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "metadata")
    link = {"destination": "https://shop.example.com/"}
    made = await private.post("/v1/links", json=link | {"utm": [], "metadata": []})
    assert made.status_code == 201, made.text
    assert made.json()["metadata"] is None
    refused = await private.post("/v1/links", json=link | {"utm": ["x"]})
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "utm")


@pytest.mark.parametrize("key", ["pedido-ñ", "注文", "заказ-7", "café\u0301", "naïve-\U0001f600"])
async def test_a_key_beyond_ascii_is_one_in_header_and_body(private: httpx.AsyncClient, key: str) -> None:
    """Headers are read as UTF-8 where they are that, as bodies are."""
    event = {"action": "page.viewed", "session": session()}
    key += secrets.token_hex(4)
    sent = {b"Idempotency-Key": key.encode()}
    first = await private.post(EVENTS, json=event | {"id": key}, headers=sent)
    assert first.status_code == 200, first.text
    for again in (
        await private.post(EVENTS, json=event, headers=sent),
        await private.post(EVENTS, json=event | {"id": key}),
    ):
        assert again.json() == first.json()


async def test_milliseconds_are_recognised(private: httpx.AsyncClient) -> None:
    """They were refused as a time of the year 54,000."""
    profile = f"p-{secrets.token_hex(6)}"
    event = {"action": "page.viewed", "profile": profile, "tracked_at": 1_700_000_000_123}
    assert (await private.post(EVENTS, json=event)).status_code == 200

    async def look() -> list[str]:
        seen = await private.get(f"/v1/profiles/{profile}/activities")
        return [one["tracked_at"] for one in seen.json().get("activities", [])]

    assert await eventually(look, bool) == ["2023-11-14T22:13:20.123000Z"]
