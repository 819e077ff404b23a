"""One key is one event for ever: however often, however it is sent."""

import asyncio
import secrets
from typing import Any

import httpx

from tests.e2e.api.test_bad_input import faults_of
from tests.e2e.test_trail import activities_when

EVENT: dict[str, Any] = {
    "action": "order.placed",
    "amount": 395,
    "currency": "USD",
    "metadata": {"note": "Zürich", "n": 1.10},
}


def order(**fields: Any) -> dict[str, Any]:
    """Return an order of a new person."""
    name = secrets.token_hex(8)
    return {**EVENT, "profile": f"p-{name}", "object_parameters": {"reference": name}, **fields}


async def track(client: httpx.AsyncClient, event: dict[str, Any], key: str | None = None) -> httpx.Response:
    """Send one event, with the key in its header if there is one."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/track/events", json=event, headers=headers)


async def test_50_at_once_are_one(private: httpx.AsyncClient) -> None:
    """All get the same answer, and there is one row."""
    event, key = order(), secrets.token_hex(8)
    answers = await asyncio.gather(*(track(private, event, key) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    (activity,) = await activities_when(private, event["profile"], 1)
    assert activity["id"] == answers[0].json()["id"]
    assert activity["amount"] == {"amount": "395.00", "currency": "USD"}


async def test_a_batch_of_50_is_one(private: httpx.AsyncClient) -> None:
    """Within one request too: one is accepted, the others are duplicates of it."""
    event = order(id=secrets.token_hex(8))
    response = await private.post("/v1/attribution/events/batch", json={"events": [event] * 50})
    receipts = response.json()["receipts"]
    assert [receipt["status"] for receipt in receipts] == ["accepted"] + ["duplicate"] * 49
    assert len({receipt["id"] for receipt in receipts}) == 1
    assert len(await activities_when(private, event["profile"], 1)) == 1


async def test_another_payload_is_a_conflict(private: httpx.AsyncClient) -> None:
    """With the key of an event, in whichever field it differs; what was there stays."""
    event, key = order(), secrets.token_hex(8)
    assert (await track(private, event, key)).status_code == 200
    for change in ({"amount": 396}, {"metadata": {"note": "Zürich", "n": 1.2}}, {"extra": 1}, {"currency": "EUR"}):
        refused = await track(private, event | change, key)
        assert refused.status_code == 409, change
        assert [(fault["type"], fault["parameter"]) for fault in faults_of(refused)] == [("conflict", "id")]
    assert (await track(private, event, key)).status_code == 200
    assert len(await activities_when(private, event["profile"], 1)) == 1


async def test_what_says_the_same_is_no_conflict(private: httpx.AsyncClient) -> None:
    """Older names, another order of members, the key in the body or the header: still the same event."""
    event, key = order(), secrets.token_hex(8)
    first = await track(private, event, key)
    older = {("order_parameters" if name == "object_parameters" else name): value for name, value in event.items()}
    turned = dict(reversed([*event.items()]))
    for again in (event | {"id": key}, older | {"id": key}, turned | {"id": key, "profile_id": event["profile"]}):
        repeated = await track(private, again)
        assert (repeated.status_code, repeated.json()) == (200, first.json())
    assert (await track(private, event | {"id": key}, key)).json() == first.json()


async def test_two_keys_in_one_request_are_refused(private: httpx.AsyncClient) -> None:
    """A body's id and a header that differ leave open which one counts."""
    refused = await track(private, order(id="a"), "b")
    assert refused.status_code == 422
    assert [(fault["type"], fault["parameter"]) for fault in faults_of(refused)] == [("ambiguous_parameter", "id")]


async def test_a_page_cannot_take_a_servers_key(private: httpx.AsyncClient, public: httpx.AsyncClient) -> None:
    """The same key with the public id and with a token are two events."""
    key, session = secrets.token_hex(8), secrets.token_hex(16)
    event = {"action": "page.viewed", "session": session}
    seen = [(await track(client, event, key)).json()["id"] for client in (public, private, public, private)]
    assert len(set(seen)) == 2
    assert seen[:2] == seen[2:]


async def test_without_a_key_each_is_its_own(private: httpx.AsyncClient) -> None:
    """Two equal events without a key happened twice."""
    event = {"action": "page.viewed", "profile": f"p-{secrets.token_hex(8)}"}
    for _ in range(2):
        assert (await track(private, event)).status_code == 200
    assert len(await activities_when(private, event["profile"], 2)) == 2


async def test_receipts_are_in_order(private: httpx.AsyncClient) -> None:
    """Good ones, a duplicate, a conflict and faulty ones in one batch: each gets what it deserves."""
    first, second = order(id=secrets.token_hex(8)), order(id=secrets.token_hex(8))
    assert (await track(private, first)).status_code == 200
    sent: list[tuple[Any, str]] = [
        (first, "duplicate"),
        ("no event", "rejected"),
        (second, "accepted"),
        (first | {"amount": 1}, "conflict"),
        (order(action="moon.landed"), "rejected"),
        (second, "duplicate"),
        (order(amount="much"), "rejected"),
        ({"action": "page.viewed", "profile": first["profile"]}, "accepted"),
    ]
    response = await private.post("/v1/attribution/events/batch", json={"events": [event for event, _ in sent]})
    receipts = response.json()["receipts"]
    assert [receipt["status"] for receipt in receipts] == [status for _, status in sent]
    for (event, status), receipt in zip(sent, receipts, strict=True):
        assert bool(receipt["errors"]) == (status in ("rejected", "conflict"))
        assert receipt["key"] == (event.get("id") if isinstance(event, dict) else None)
    assert receipts[2]["id"] == receipts[5]["id"]
    assert [fault["parameter"] for fault in receipts[4]["errors"]] == ["action"]
    assert len(await activities_when(private, first["profile"], 2)) == 2
