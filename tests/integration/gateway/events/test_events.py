"""Events over HTTP."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC, Submission
from clicktrail.tracking.v1.event_service_pb2 import TrackEventsRequest
from tests.support.gateway.answers import faults_of
from tests.support.gateway.peer import BUSINESS, KNOWN_SESSION, POISON, STORE_DOWN, TOKEN
from tests.support.gateway.peers import Peers

VIEW = {"action": "page.viewed", "session": "abcdefgh"}
PAGES, SERVERS = "/v1/track/events", "/v1/attribution/events"


def submission_of(peers: Peers) -> Submission:
    """Return the last event that tracking got."""
    submission: Submission = peers.events.last(TrackEventsRequest).submissions[-1]
    return submission


async def test_a_page_tracks_an_event(page: httpx.AsyncClient, peers: Peers) -> None:
    """The answer has its id; tracking gets who, when, from where."""
    response = await page.post(PAGES, json=VIEW, headers={"User-Agent": "phone"})
    assert response.status_code == 200
    assert response.json().keys() == {"status", "id"}
    assert response.json()["status"] == "received"
    submission = submission_of(peers)
    assert (submission.business_id, submission.credential) == (BUSINESS, CREDENTIAL_PUBLIC)
    assert (submission.address, submission.user_agent) == ("127.0.0.1", "phone")
    assert len(submission.id) == 16
    assert submission.received_at.seconds
    assert not submission.HasField("key")


async def test_a_server_tracks_an_event(server: httpx.AsyncClient, page: httpx.AsyncClient, peers: Peers) -> None:
    """With its token on either route; the public id opens only the pages' route."""
    for path in (PAGES, SERVERS):
        assert (await server.post(path, json=VIEW)).status_code == 200
        assert submission_of(peers).credential == CREDENTIAL_PRIVATE
    refused = await page.post(SERVERS, json=VIEW)
    assert refused.status_code == 401
    assert faults_of(refused) == [("unauthorized", None)]


async def test_a_key_makes_an_event_one(page: httpx.AsyncClient) -> None:
    """The same again is the first one; another one with the key is a conflict."""
    first = await page.post(PAGES, json=VIEW | {"id": "k1"})
    again = await page.post(PAGES, json=VIEW, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (200, first.json())
    other = await page.post(PAGES, json=VIEW | {"id": "k1", "session": "other123"})
    assert other.status_code == 409
    assert faults_of(other) == [("conflict", "id")]
    both = await page.post(PAGES, json=VIEW | {"id": "k1"}, headers={"Idempotency-Key": "k2"})
    assert both.status_code == 422
    assert faults_of(both) == [("ambiguous_parameter", "id")]


async def test_a_key_stands_in_one_header_or_in_equal_ones(page: httpx.AsyncClient, peers: Peers) -> None:
    """Two that differ leave open which event it is."""
    same = await page.post(PAGES, json=VIEW, headers=[("Idempotency-Key", "k1"), ("Idempotency-Key", "k1")])
    assert same.status_code == 200
    assert submission_of(peers).key == "k1"
    peers.reset()
    for body, name in ((VIEW, "Idempotency-Key"), (VIEW | {"id": "k1"}, "id")):
        two = await page.post(PAGES, json=body, headers=[("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")])
        assert (two.status_code, faults_of(two)) == (422, [("ambiguous_parameter", name)])
    assert peers.events.requests == []


async def test_tracking_judges_what_an_event_needs(page: httpx.AsyncClient) -> None:
    """Its faults come through; an unknown action is 404."""
    missing = await page.post(PAGES, json={"session": "abcdefgh"})
    assert (missing.status_code, faults_of(missing)) == (422, [("parameter_missing", "action")])
    unknown = await page.post(PAGES, json=VIEW | {"action": "order.unknown"})
    assert (unknown.status_code, faults_of(unknown)) == (404, [("not_found", "action")])


async def test_wrong_types_are_told_all_at_once(page: httpx.AsyncClient, peers: Peers) -> None:
    """Without a call."""
    response = await page.post(PAGES, json={"action": 1, "metadata": "x", "tracked_at": "soon", "page": [1]})
    assert response.status_code == 422
    assert {parameter for _, parameter in faults_of(response)} == {
        "action",
        "metadata",
        "tracked_at",
        "page",
        "session",
    }
    assert peers.events.requests == []


async def test_a_beacon_names_its_business_in_the_query(web: httpx.AsyncClient) -> None:
    """It can set neither header nor type; a private token there is refused."""
    plain = {"Content-Type": "text/plain;charset=UTF-8"}
    accepted = await web.post(f"{PAGES}?business={BUSINESS}", content=json.dumps(VIEW), headers=plain)
    assert accepted.status_code == 200
    assert (await web.post(f"{PAGES}?business={TOKEN}", content=json.dumps(VIEW))).status_code == 401
    assert (await web.post(f"{SERVERS}?business={BUSINESS}", content=json.dumps(VIEW))).status_code == 401


async def test_a_body_may_be_zipped(page: httpx.AsyncClient) -> None:
    """But not hide more than the limit, nor be something else."""
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert (
        await page.post(PAGES, content=gzip.compress(json.dumps(VIEW).encode()), headers=headers)
    ).status_code == 200
    bomb = gzip.compress(json.dumps(VIEW | {"x": "y" * 3_000_000}).encode())
    assert (await page.post(PAGES, content=bomb, headers=headers)).status_code == 413
    for broken in (b"{}", gzip.compress(b"{}")[:-3], b""):
        assert (await page.post(PAGES, content=broken, headers=headers)).status_code == 400
    assert (await page.post(PAGES, content=b"{}", headers={"Content-Encoding": "br"})).status_code == 400


@pytest.mark.parametrize("path", [PAGES, f"{PAGES}/batch", f"{SERVERS}/batch"])
async def test_many_values_in_few_bytes_are_refused(server: httpx.AsyncClient, path: str) -> None:
    """Before they are made: each takes many times its text, and the time of everybody else."""
    many = b"1," * 519_999 + b"1"
    zipped = gzip.compress(b'{"events":[' + many + b"]}")
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    for content in (zipped, gzip.compress(b'{"events":[' + b"{}," * 300_000 + b"{}]}")):
        response = await server.post(path, content=content, headers=headers)
        assert (response.status_code, faults_of(response)) == (413, [("too_large", None)])
    plainly = await server.post(
        path, content=b'{"events":[' + many[:120_001] + b"]}", headers={"Content-Type": "application/json"}
    )
    assert plainly.status_code == 413


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"{", b"\xff", b'{"a":NaN}', b"[" * 4_000, b'{"a":' * 4_000])
async def test_what_is_no_object_is_400(page: httpx.AsyncClient, content: bytes) -> None:
    """In the form of the API."""
    response = await page.post(PAGES, content=content)
    assert (response.status_code, faults_of(response)) == (400, [("invalid", None)])


async def test_a_wrong_content_type_is_400(page: httpx.AsyncClient) -> None:
    """Neither forms nor other charsets are read."""
    for content_type in ("application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        response = await page.post(PAGES, content=json.dumps(VIEW), headers={"Content-Type": content_type})
        assert response.status_code == 400


@pytest.mark.parametrize("size", [100_000, 10_000_000])
async def test_a_large_body_gets_a_clean_413(page: httpx.AsyncClient, size: int) -> None:
    """The client hears it, and the connection serves the next request."""
    response = await page.post(PAGES, content=json.dumps(VIEW | {"x": "y" * size}))
    assert (response.status_code, faults_of(response)) == (413, [("too_large", None)])
    assert (await page.post(PAGES, json=VIEW)).status_code == 200


async def test_a_claim_comes_with_the_fresh_session(server: httpx.AsyncClient, peers: Peers) -> None:
    """Only a claim, which names a profile, asks for it, and it goes on without the shortener."""
    identified = {"action": "page.viewed", "session": KNOWN_SESSION, "user_parameters": {"id": 7, "source": "s"}}
    for no_claim in (VIEW, identified):
        await server.post(SERVERS, json=no_claim)
        assert not submission_of(peers).HasField("fresh_session")
    assert submission_of(peers).event.user_parameters.id == "7"
    assert peers.fresh_sessions.requests == []
    claim = {"action": "page.viewed", "session": KNOWN_SESSION, "profile": "ana"}
    await server.post(SERVERS, json=claim)
    assert submission_of(peers).fresh_session.profile == "ana"
    peers.fresh_sessions.failures.append(STORE_DOWN)
    assert (await server.post(SERVERS, json=claim)).status_code == 200
    assert not submission_of(peers).HasField("fresh_session")


async def test_a_batch_has_a_receipt_per_event(server: httpx.AsyncClient) -> None:
    """In order; what cannot be read is rejected in its place, a poisonous one alone."""
    events: list[Any] = [
        VIEW | {"id": "b1"}, {"action": 7}, "x", VIEW | {"id": "b1"}, VIEW | {"action": "order.unknown"},
        VIEW | {"action": POISON}, VIEW | {"id": "b1", "session": "other123"}, VIEW,
    ]  # fmt: skip
    response = await server.post(f"{SERVERS}/batch", json={"events": events})
    assert response.status_code == 200
    receipts = response.json()["receipts"]
    assert [receipt["status"] for receipt in receipts] == [
        "accepted", "rejected", "rejected", "duplicate", "rejected", "rejected", "conflict", "accepted",
    ]  # fmt: skip
    assert receipts[0].keys() == {"id", "key", "status", "errors"}
    assert receipts[0]["key"] == "b1"
    assert receipts[0]["id"] == receipts[3]["id"]
    assert receipts[1]["id"] is None
    assert receipts[2]["errors"][0]["parameter"] == "events.2"
    assert "request id" in receipts[5]["errors"][0]["description"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [({}, "parameter_missing"), ({"events": []}, "parameter_invalid_empty"), ({"events": {}}, "invalid"),
     ({"events": [VIEW] * 1001}, "invalid")],
)  # fmt: skip
async def test_a_batch_needs_events(page: httpx.AsyncClient, body: dict[str, Any], fault: str) -> None:
    """One to a thousand."""
    response = await page.post(f"{PAGES}/batch", json=body)
    assert (response.status_code, faults_of(response)) == (422, [(fault, "events")])


async def test_a_thousand_events_fit_a_batch(page: httpx.AsyncClient) -> None:
    """Each gets its receipt."""
    response = await page.post(f"{PAGES}/batch", json={"events": [VIEW] * 1000})
    assert [receipt["status"] for receipt in response.json()["receipts"]] == ["accepted"] * 1000


async def test_single_events_share_calls_and_keep_their_ids(page: httpx.AsyncClient, peers: Peers) -> None:
    """A repeated call has the same events with the same ids."""
    peers.events.failures.append(STORE_DOWN)
    responses = await asyncio.gather(*(page.post(PAGES, json=VIEW) for _ in range(40)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["id"] for response in responses}) == 40
    assert peers.events.requests[0] in peers.events.requests[1:]


async def test_what_cannot_be_kept_is_503(hasty: httpx.AsyncClient, peers: Peers) -> None:
    """Never a 200 for what can be lost."""
    peers.events.failures.extend([STORE_DOWN] * 500)
    single, batch = await asyncio.gather(
        hasty.post(PAGES, json=VIEW), hasty.post(f"{PAGES}/batch", json={"events": [VIEW, VIEW]})
    )
    for response in (single, batch):
        assert (response.status_code, faults_of(response)) == (503, [("unavailable", None)])
        assert response.headers["retry-after"] == "1"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(["action", "session", "amount", "tracked_at", "page", "object_parameters", "metadata", "id"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(body=st.dictionaries(FIELDS | st.text(max_size=6), JSON_VALUES, max_size=6) | JSON_VALUES)
async def test_any_json_is_taken_or_refused(page: httpx.AsyncClient, body: Any) -> None:
    """Never a fault of ours."""
    response = await page.post(PAGES, content=json.dumps(body).encode())
    assert response.status_code in (200, 400, 409, 413, 422)


WIRE = Path(__file__).parents[3] / "contract" / "wire"
LINES = [json.loads(line) for path in sorted(WIRE.glob("*.jsonl")) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["path"])
async def test_what_real_pages_sent_is_answered(web: httpx.AsyncClient, line: dict[str, Any]) -> None:
    """With 2xx, and headers that let the page read it."""
    recorded = json.loads(json.dumps(line).replace("BIZ", BUSINESS))
    response = await web.request(
        recorded["method"], recorded["path"], headers=recorded["headers"], content=recorded["body"]
    )
    assert response.is_success, response.text
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json()
