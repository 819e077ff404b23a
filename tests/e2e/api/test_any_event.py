"""Any JSON as an event: taken and read back as it was sent, or refused in the form of the API."""

import json
import secrets
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.json.text import Num, dumps
from tests.e2e.api.test_bad_input import faults_of
from tests.e2e.conftest import System
from tests.support.system import CLIENT_SECONDS, TLS

# What the system itself adds to an object that an event brought.
ADDED = {"id", "type"}
DEEPEST = 100

bounded = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

numbers = st.one_of(
    st.integers().map(str),
    st.integers(min_value=2**53, max_value=2**4000).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1e400", "-1E-400", "1.10", "-0", "0.0", "1E5", "9007199254740993", "395.00", "1" * 4500]),
).map(Num)
texts = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(["", "\0", "\ud800", "\udc00 \ud83d\ude00", "😀👩‍👩‍👧", "\u2028", "null", "x" * 300, "__proto__"]),
)
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(texts, anything, max_size=5)
things = st.fixed_dictionaries({"reference": st.just("r-1")}, optional={"x": anything, "name": anything}) | objects

KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "action": st.sampled_from(["page.viewed", "product.viewed", "order.placed", "cart.viewed", "app.spent", "a.b"]),
    "session": st.sampled_from(["abcdefgh", "A-session_of_a_page", "short", "no/slash"]),
    "metadata": objects,
    "object_parameters": things,
    "product_parameters": things,
    "object": texts,
    "object_type": texts,
    "amount": numbers,
    "currency": st.sampled_from(["USD", "JPY", "usd", "XXL", ""]),
    "tracked_at": st.sampled_from([Num("1700000000"), Num("1e400"), "2026-05-04T03:02:01Z", "soon"]) | numbers,
    "url": texts,
    "page": st.dictionaries(st.sampled_from(["url", "title", "path", "other"]), anything),
    "utm_params": st.dictionaries(st.sampled_from(["source", "medium", "observed_at", "x"]), anything),
    "user_parameters": st.dictionaries(st.sampled_from(["id", "source", "x"]), anything),
    "id": st.sampled_from(["", "x" * 101, "\0", "\ud800"]),
    "order_id": texts,
}
wrong = st.dictionaries(st.sampled_from(sorted(KNOWN)), anything, max_size=2)
sound = st.fixed_dictionaries(
    {"action": KNOWN["action"]},
    optional={name: KNOWN[name] for name in ("metadata", "object_parameters", "page", "user_parameters", "url")},
)
mixed = st.fixed_dictionaries({}, optional=KNOWN)
events = st.builds(lambda first, then, more: {**more, **first, **then}, sound | mixed, wrong | st.just({}), objects)


@pytest.fixture(scope="module")
def client(system: System) -> Any:
    """Return a client as servers have it, that does not wait."""
    credential = {"Authorization": f"Bearer {system.token}"}
    with httpx.Client(base_url=system.http, headers=credential, timeout=CLIENT_SECONDS, verify=TLS) as found:
        yield found


def read(text: str | bytes) -> Any:
    """Return JSON with its numbers as texts of their own."""
    return json.loads(text, parse_int=Num, parse_float=Num)


def send(client: httpx.Client, body: bytes) -> httpx.Response:
    """Send an event and hold the answer to the form of the API."""
    response = client.post("/v1/attribution/events", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200 or 400 <= response.status_code < 500, (body, response.text)
    if response.status_code == 200:
        assert response.json().keys() == {"status", "id"}
    else:
        faults_of(response)
    return response


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, numbers by their texts and kinds apart."""
    return dumps(one) == dumps(other)


@bounded
@given(body=anything.map(dumps) | st.binary(max_size=40))
@example(body=b"\xef\xbb\xbf{}")
@example(body=b'{"action": "\\u0000"}')
@example(body=b"[" * 100_000)
def test_any_json_is_answered(client: httpx.Client, body: bytes) -> None:
    """Whatever it is, it is taken or refused in the form of the API."""
    send(client, body)


@bounded
@given(event=events)
@example(event={"action": "page.viewed", "metadata": {"n": Num("1e400"), "s": "\ud800\0", "big": Num("1" * 5000)}})
@example(event={"action": "page.viewed", "metadata": {"": "", "😀": [{}, [], None, Num("-0")]}})
def test_what_was_taken_is_read_back_equal(client: httpx.Client, event: dict[str, Any]) -> None:
    """Metadata and object come back through the profile's activities, every number in the text it had."""
    profile = f"any-{secrets.token_hex(8)}"
    # An order is placed once, whoever places it again.
    things = {name: {**value, "reference": profile} for name, value in event.items() if is_sound_thing(name, value)}
    body = dumps({**event, **things, "profile": profile, "session": None, "session_id": None, "profile_id": None})
    if send(client, body).status_code == 200:
        (activity,) = activities(client, profile)
        sent = read(body)
        assert same(activity["metadata"], sent.get("metadata"))
        if things:
            thing = next(iter(things.values()))
            assert same(without_added(activity["object"], thing), thing)


@pytest.mark.parametrize(("depth", "status"), [(50, 200), (DEEPEST - 1, 200), (DEEPEST, 400), (5_000, 400)])
def test_nesting_has_a_limit(client: httpx.Client, depth: int, status: int) -> None:
    """Up to it the event comes back equal; beyond it is refused."""
    profile = f"deep-{secrets.token_hex(8)}"
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    body = b'{"action":"page.viewed","profile":"' + profile.encode() + b'","metadata":' + nested + b"}"
    assert send(client, body).status_code == status
    if status == 200:
        (activity,) = activities(client, profile)
        assert same(activity["metadata"], read(nested))


def is_sound_thing(name: str, value: Any) -> bool:
    """Tell whether this is the data of an object, by a field that it is found again by."""
    return name == "object_parameters" and isinstance(value, dict) and value.get("reference") == "r-1"


def activities(client: httpx.Client, profile: str) -> list[dict[str, Any]]:
    """Return what a profile did."""
    response = client.get(f"/v1/profiles/{profile}/activities")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = read(response.content)["activities"]
    return found


def without_added(shown: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """Return an object as it is shown, without what the system has added to what was sent."""
    return {name: value for name, value in shown.items() if name in sent or name not in ADDED}
