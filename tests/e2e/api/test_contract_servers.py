"""What servers may count on: the routes behind a private token."""

import secrets
from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.api.test_bad_input import faults_of
from tests.e2e.businesses import client_of, make_business
from tests.e2e.conftest import System
from tests.e2e.test_trail import make_link
from tests.support.waiting import eventually


@pytest.fixture
async def server(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with a private token of a business of its own."""
    shop = await make_business(system)
    async with client_of(system, shop.token) as client:
        yield client


@pytest.fixture
async def other(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of yet another business."""
    shop = await make_business(system)
    async with client_of(system, shop.token) as client:
        yield client


def told(response: httpx.Response) -> list[tuple[str, str | None]]:
    """Return the type and the field of each error of an answer."""
    return [(fault["type"], fault.get("parameter")) for fault in faults_of(response)]


async def test_another_businesss_things_are_not_there(server: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    """Neither to be read nor to be changed."""
    link = (await make_link(server, profile="ana"))["id"]
    action = (await server.post("/v1/actions", json={"name": "demo.booked"})).json()["id"]
    profile = (await server.post("/v1/profiles", json={"name": "Ana"})).json()["id"]
    session = (await server.post("/v1/track/sessions")).json()["id"]
    token = (await server.get("/v1/tokens")).json()["tokens"][0]["id"]
    changes = {
        f"/v1/links/{link}": {"destination": "https://shop.example.com/other"},
        f"/v1/actions/{action}": {"title": "Other"},
        f"/v1/profiles/{profile}": {"name": "Bob"},
        f"/v1/sessions/{session}": {"profile": "bob"},
    }
    for path, change in changes.items():
        assert (await other.get(path)).status_code == 404, path
        assert (await other.patch(path, json=change)).status_code == 404, path
        assert (await server.get(path)).status_code == 200, path
    for path in (f"/v1/links/{link}", f"/v1/actions/{action}", f"/v1/tokens/{token}"):
        assert (await other.delete(path)).status_code == 404, path
    assert (await other.get(f"/v1/profiles/{profile}/activities")).status_code == 404


async def test_a_token_is_shown_once_and_revoked(server: httpx.AsyncClient, system: System) -> None:
    """It opens the routes until it is deleted, and then no longer than a few seconds."""
    made = (await server.post("/v1/tokens", json={"name": "the till"})).json()
    listed = (await server.get("/v1/tokens")).json()["tokens"]
    assert listed[0]["id"] == made["id"]
    assert all("token" not in one for one in listed)
    async with client_of(system, made["token"]) as till:
        assert (await till.get("/v1/actions")).status_code == 200
        assert (await server.delete(f"/v1/tokens/{made['id']}")).status_code == 204
        # What is known of it is kept for a moment.
        await eventually(partial(till.get, "/v1/actions"), lambda seen: seen.status_code == 401)


def new(listed: str, number: int) -> dict[str, str]:
    """Return something to create, of the kind that is listed under this name."""
    bodies = {
        "profiles": {"name": f"Person {number}"},
        "actions": {"name": f"demo.number{number}"},
        "tokens": {"name": f"till {number}"},
        "links": {"destination": f"https://shop.example.com/{number}"},
    }
    return bodies[listed]


@pytest.mark.parametrize("listed", ["profiles", "actions", "tokens", "links"])
async def test_lists_are_walked_both_ways(server: httpx.AsyncClient, listed: str) -> None:
    """Newest first, onwards from an id and back again; a wrong parameter is named."""
    made = [await server.post(f"/v1/{listed}", json=new(listed, number)) for number in range(5)]
    ids = [one.json()["id"] for one in reversed(made)]

    async def page(query: str) -> tuple[list[str], bool]:
        answer = (await server.get(f"/v1/{listed}?{query}")).json()
        return [one["id"] for one in answer[listed]], answer["has_more"]

    # Links are listed once the relay has delivered them; their times are whole seconds, so these five have any order.
    newest, _ = await eventually(partial(page, "limit=5"), lambda seen: set(ids) == set(seen[0]))
    assert newest == ids or listed == "links"
    assert await page("limit=2") == (newest[:2], True)
    assert await page(f"limit=2&starting_after={newest[1]}") == (newest[2:4], True)
    assert await page(f"limit=2&ending_before={newest[4]}") == (newest[2:4], True)
    assert await page(f"limit=2&ending_before={newest[2]}") == (newest[:2], False)
    for wrong in ("limit=0", "limit=101", "limit=many", "starting_after=nobody", "ending_before=nobody"):
        refused = await server.get(f"/v1/{listed}?{wrong}")
        assert (refused.status_code, told(refused)) == (422, [("invalid", wrong.partition("=")[0])])


async def test_profiles_are_kept(server: httpx.AsyncClient) -> None:
    """Under the sender's id or one of ours; a change takes what it names, null clears it."""
    sent = {"id": "Bob.1", "name": "Bob", "email": "b@example.com", "identities": [{"source": "s", "user_id": "1"}]}
    made = await server.post("/v1/profiles", json=sent | {"metadata": {"n": 1}})
    assert made.status_code == 201
    assert sent.items() <= made.json().items()
    changed = await server.patch("/v1/profiles/Bob.1", json={"name": None, "phone": "+598"})
    assert (changed.json()["name"], changed.json()["phone"], changed.json()["email"]) == (None, "+598", "b@example.com")
    assert (await server.get("/v1/profiles/Bob.1")).json() == changed.json()
    assert told(await server.post("/v1/profiles", json={"id": "Bob.1"})) == [("parameter_not_unique", "id")]
    taken = await server.post("/v1/profiles", json={"identities": sent["identities"]})
    assert told(taken) == [("parameter_not_unique", "identities")]
    assert told(await server.post("/v1/profiles", json={"id": "no spaces"})) == [("invalid", "id")]


async def test_a_session_is_attached_once(server: httpx.AsyncClient) -> None:
    """To a profile that is made for it; a second profile is refused."""
    session = (await server.post("/v1/track/sessions")).json()["id"]
    attached = await server.patch(f"/v1/sessions/{session}", json={"profile": "ana"})
    assert attached.status_code == 200
    assert attached.json() == (await server.get(f"/v1/sessions/{session}")).json()
    assert attached.json()["profile"] == "ana"
    assert (await server.patch(f"/v1/sessions/{session}", json={"profile": "ana"})).status_code == 200
    refused = await server.patch(f"/v1/sessions/{session}", json={"profile": "bob"})
    assert (refused.status_code, told(refused)) == (422, [("identity_assigned", "profile")])
    missing = await server.patch(f"/v1/sessions/{secrets.token_hex(16)}", json={"profile": "ana"})
    assert (missing.status_code, told(missing)) == (404, [("not_found", "id")])


async def test_actions_with_events_stay(server: httpx.AsyncClient) -> None:
    """One without is deleted; its name must be its own."""
    made = await server.post("/v1/actions", json={"name": "demo.booked", "title": "Demo", "conversion": True})
    assert made.status_code == 201
    path = f"/v1/actions/{made.json()['id']}"
    assert (await server.patch(path, json={"important": True})).json() == made.json() | {"important": True}
    for name in ("demo.booked", "order.placed"):
        assert told(await server.post("/v1/actions", json={"name": name})) == [("parameter_not_unique", "name")]
    assert told(await server.post("/v1/actions", json={"name": "Demo"})) == [("invalid", "name")]
    event = {"action": "demo.booked", "profile": "ana"}
    assert (await server.post("/v1/attribution/events", json=event)).status_code == 200
    refused = await server.delete(path)
    assert (refused.status_code, [type_ for type_, _ in told(refused)]) == (422, ["not_allowed"])
    idle = (await server.post("/v1/actions", json={"name": "demo.missed"})).json()["id"]
    assert (await server.delete(f"/v1/actions/{idle}")).status_code == 204
    assert (await server.get(f"/v1/actions/{idle}")).status_code == 404


async def test_a_batch_of_links_answers_each_recipient(server: httpx.AsyncClient) -> None:
    """In order: a link, or what is wrong with that recipient alone; a retry gets the same codes."""
    batch = {
        "template": {"destination": "https://shop.example.com", "campaign": "spring"},
        "recipients": [
            {"profile": "ana", "external_id": "1"},
            {"profile": "no spaces", "external_id": "2"},
            {"profile": "bob", "external_id": "1"},
            {"profile": "eve", "external_id": "3"},
        ],
    }
    answers = [await server.post("/v1/links/batch", json=batch) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    links, again = (answer.json()["links"] for answer in answers)
    assert links == again
    assert [link.get("profile") for link in links] == ["ana", None, None, "eve"]
    assert [fault["parameter"] for fault in links[1]["errors"]] == ["profile"]
    assert [fault["type"] for fault in links[2]["errors"]] == ["conflict"]
    assert [links[1]["external_id"], links[2]["external_id"]] == ["2", "1"]


async def test_a_recipient_that_cannot_be_read_spoils_no_batch(server: httpx.AsyncClient) -> None:
    """Its own place in the answer says why; the others have links."""
    recipients = [{"external_id": "1"}, {"external_id": "2\0"}, "bob", {"external_id": "4"}]
    batch = {"template": {"destination": "https://shop.example.com"}, "recipients": recipients}
    answer = await server.post("/v1/links/batch", json=batch)
    assert answer.status_code == 200
    links = answer.json()["links"]
    assert ["code" in link for link in links] == [True, False, False, True]
    assert [fault["type"] for link in links[1:3] for fault in link["errors"]] == ["invalid", "invalid"]
    assert told(await server.post("/v1/links/batch", json=batch | {"recipients": []})) == [
        ("parameter_invalid_empty", "recipients")
    ]
    del batch["recipients"]
    assert told(await server.post("/v1/links/batch", json=batch)) == [("parameter_missing", "recipients")]


async def test_a_campaign_is_called_as_its_sender_likes(server: httpx.AsyncClient) -> None:
    """Its report is found under its name, encoded as one segment of the path."""
    name = "spring/50% off?"
    await make_link(server, campaign=name, profile="ana")
    path = f"/v1/campaigns/{quote(name, safe='')}/report"

    async def recipients() -> int:
        found: int = (await server.get(path)).json()["totals"]["recipients"]
        return found

    assert await eventually(recipients, lambda seen: seen == 1) == 1
    assert (await server.get(path)).json()["campaign"] == name


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("from=2026-11-22T00:01:00Z", "from"),
        ("to=yesterday", "to"),
        ("timezone=Mars/Olympus", "timezone"),
        ("interval=week", "interval"),
        ("basis=mood", "basis"),
        ("from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&interval=hour", "interval"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
    ],
)
async def test_reports_name_the_faulty_parameter(server: httpx.AsyncClient, query: str, parameter: str) -> None:
    """Times off a quarter of an hour, unknown words, too many points."""
    refused = await server.get(f"/v1/report?{query}")
    assert (refused.status_code, told(refused)) == (422, [("invalid", parameter)])


@pytest.mark.parametrize("form", ["", ".csv", "/stream"])
async def test_a_link_that_is_not_there_has_no_report(
    server: httpx.AsyncClient, other: httpx.AsyncClient, form: str
) -> None:
    """Not even for another business; its own can ask from its creation on."""
    link = (await make_link(other, profile="ana"))["id"]
    path = f"/v1/links/{link}/report{form}"
    refused = await server.get(path)
    assert refused.status_code == 404
    assert [type_ for type_, _ in told(refused)] == ["not_found"]
    async with other.stream("GET", path) as answer:
        assert answer.status_code == 200
