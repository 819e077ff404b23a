"""The rules of events, over HTTP."""

import secrets
from typing import Any

import httpx
import pytest

from tests.e2e.api.test_bad_input import faults_of
from tests.e2e.test_trail import activities_when


def new_profile() -> str:
    """Return the id of a person not known yet."""
    return f"p-{secrets.token_hex(8)}"


async def track(private: httpx.AsyncClient, **event: Any) -> httpx.Response:
    """Send an event of a server."""
    return await private.post("/v1/attribution/events", json=event)


async def tracked(private: httpx.AsyncClient, **event: Any) -> dict[str, Any]:
    """Send an event of somebody new that is taken, and return it as it is read back."""
    profile = new_profile()
    answer = await track(private, profile=profile, **event)
    assert answer.status_code == 200, answer.text
    (activity,) = await activities_when(private, profile, 1)
    return activity


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000.5, "2023-11-14T22:13:20.500000Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),
        ("2026-05-04T03:02:01Z", "2026-05-04T03:02:01Z"),
        ("2026-05-04T03:02:01-03:00", "2026-05-04T06:02:01Z"),
    ],
)
async def test_both_forms_of_times(private: httpx.AsyncClient, sent: object, kept: str) -> None:
    """Unix seconds and ISO 8601 say when it happened."""
    activity = await tracked(private, action="page.viewed", tracked_at=sent)
    assert (activity["tracked_at"], activity["occurred_at"]) == (kept, kept)


async def test_nothing_happens_in_the_future(private: httpx.AsyncClient) -> None:
    """What the sender said is kept, but what counts is when it was received."""
    activity = await tracked(private, action="page.viewed", tracked_at="2199-01-01T00:00:00Z")
    assert activity["tracked_at"] == "2199-01-01T00:00:00Z"
    assert activity["occurred_at"] == activity["received_at"]


@pytest.mark.parametrize(
    ("action", "kind"),
    [("order.placed", "order"), ("cart.added", "product"), ("coupon.redeemed", "coupon"), ("form.completed", "form"),
     ("refund.received", "refund"), ("app.spent", "app")],
)  # fmt: skip
async def test_older_names_of_objects(private: httpx.AsyncClient, action: str, kind: str) -> None:
    """An object named by its kind is the same as one named by the present names, its id too."""
    data = {"reference": secrets.token_hex(8), "name": "A thing"}
    older = await tracked(private, action=action, **{f"{kind}_parameters": data})
    assert older["object"]["type"] == kind
    assert older["object"]["reference"] == data["reference"]
    if kind != "order":
        for name in (kind, f"{kind}_id", "object"):
            again = await tracked(private, action=action, **{name: older["object"]["id"]})
            assert again["object"]["id"] == older["object"]["id"]


async def test_older_names_of_actions_and_visitors(private: httpx.AsyncClient) -> None:
    """`page.visited` is `page.viewed`, `profile_id` a profile, and a url at the top the page's."""
    profile = new_profile()
    answer = await track(private, action="page.visited", profile_id=profile, url="https://shop.example.com/")
    assert answer.status_code == 200
    (activity,) = await activities_when(private, profile, 1)
    assert (activity["action"], activity["url"]) == ("page.viewed", "https://shop.example.com/")


async def test_an_order_is_shipped_once(private: httpx.AsyncClient) -> None:
    """A second one is a duplicate: the first one's id, and no second row."""
    profile, reference = new_profile(), secrets.token_hex(8)
    order = {"action": "order.shipped", "profile": profile, "object_parameters": {"reference": reference}}
    first, second = await track(private, **order), await track(private, **order)
    assert first.json() == second.json()
    other_source = order | {"object_parameters": {"reference": reference, "source": "another shop"}}
    assert (await track(private, **other_source)).json()["id"] != first.json()["id"]
    assert len(await activities_when(private, profile, 2)) == 2


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [(395, "USD", "395.00"), ("0.125", "USD", "0.12"), (1.5, "JPY", "2"), (2.5, "JPY", "2"), (1, "KWD", "1.000"),
     ("3.95e2", "EUR", "395.00")],
)  # fmt: skip
async def test_money_is_kept_in_minor_units(
    private: httpx.AsyncClient, amount: object, currency: str, kept: str
) -> None:
    """Rounded half-even to what the currency has, and shown as a decimal string."""
    activity = await tracked(private, action="page.viewed", amount=amount, currency=currency)
    assert activity["amount"] == {"amount": kept, "currency": currency}


@pytest.mark.parametrize(
    ("event", "faults"),
    [
        ({"action": "short_link.clicked"}, [("not_allowed", "action")]),
        ({"action": "message.delivered"}, [("not_allowed", "action")]),
        ({"action": "order.placed"}, [("parameter_missing", "object_parameters")]),
        ({"action": "order.placed", "object_parameters": None}, [("parameter_invalid_empty", "object_parameters")]),
        ({"action": "order.placed", "object": "no-such-id"}, [("object_invalid", "object")]),
        ({"action": "page.viewed", "currency": "USD"}, [("parameter_missing", "amount")]),
        ({"action": "page.viewed", "session": "undefined"}, [("invalid", "session")]),
        ({"action": "page.viewed", "amount": 1e30}, [("invalid", "amount")]),
        ({"action": "page.viewed", "product": "a", "product_id": "b"}, [("ambiguous_parameter", "product")]),
        ({"action": "page.viewed", "tracked_at": "2026-05-04T03:02:01"}, [("invalid", "tracked_at")]),
    ],
)
async def test_what_is_refused(
    private: httpx.AsyncClient, event: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """422, with the type and the field of the fault."""
    refused = await track(private, profile=new_profile(), **event)
    assert refused.status_code == 422
    assert [(fault["type"], fault["parameter"]) for fault in faults_of(refused)] == faults


async def test_only_servers_name_profiles(public: httpx.AsyncClient) -> None:
    """The public id proves nothing about whose event it is."""
    event = {"action": "page.viewed", "profile": new_profile()}
    refused = await public.post("/v1/track/events", json=event)
    assert refused.status_code == 422
    assert [fault["parameter"] for fault in faults_of(refused)] == ["profile"]


async def test_a_session_is_one_persons(private: httpx.AsyncClient) -> None:
    """Free, it goes to the profile that comes with it; with a second profile the event is refused."""
    session, first = secrets.token_hex(16), new_profile()
    assert (await track(private, action="page.viewed", session=session, profile=first)).status_code == 200
    assert (await track(private, action="cart.viewed", session=session)).status_code == 200
    refused = await track(private, action="page.viewed", session=session, profile=new_profile())
    assert (refused.status_code, [fault["type"] for fault in faults_of(refused)]) == (422, ["identity_assigned"])
    assert len(await activities_when(private, first, 2)) == 2


async def test_an_order_is_not_refused_for_its_session(private: httpx.AsyncClient) -> None:
    """Whoever ordered in another one's session has the order; what the other one did there stays."""
    session, first, second = secrets.token_hex(16), new_profile(), new_profile()
    assert (await track(private, action="page.viewed", session=session, profile=first)).status_code == 200
    parameters = {"reference": secrets.token_hex(8), "source": "shop"}
    sent = {"session": session, "profile": second, "object_parameters": parameters, "amount": 10, "currency": "USD"}
    assert (await track(private, action="order.placed", **sent)).status_code == 200
    assert [one["action"] for one in await activities_when(private, second, 1)] == ["order.placed"]
    assert [one["action"] for one in await activities_when(private, first, 1)] == ["page.viewed"]


async def test_an_event_of_a_batch_is_no_larger_than_one_alone(private: httpx.AsyncClient) -> None:
    """64 KB each: a larger one is rejected with its key, its neighbours are taken."""
    small = {"action": "page.viewed", "profile": new_profile(), "id": secrets.token_hex(8)}
    large = {**small, "id": "large", "page": {"title": "x" * 70_000}}
    answer = await private.post("/v1/attribution/events/batch", json={"events": [large, small]})
    assert answer.status_code == 200, answer.text
    refused, taken = answer.json()["receipts"]
    assert (refused["status"], refused["key"], taken["status"]) == ("rejected", "large", "accepted")
    assert [fault["type"] for fault in refused["errors"]] == ["too_large"]
