"""What platforms of shops tell over HTTP, beside what pages and servers say of the same orders."""

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import System, client_with
from tests.e2e.test_trail import make_link, path_of, report_when, session_of
from tests.support.platforms.connections import Connection
from tests.support.platforms.deliveries import Vector, vectors
from tests.support.platforms.signatures import headers_of
from tests.support.platforms.trails import (
    PLATFORMS,
    WRONG_SECRET,
    Person,
    ToldOrder,
    connect,
    number_of,
    order_of,
    told_of,
)
from tests.support.waiting import eventually

STRANGER = Person("unknown@example.com")
BRUNO = Person("bruno@example.com", "812")
GUEST = BRUNO._replace(id="")


@pytest_asyncio.fixture
async def shop(system: System) -> Business:
    """Make a business of this test's own."""
    return await make_business(system)


@pytest_asyncio.fixture
async def server(system: System, shop: Business) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with the business's private token."""
    async with client_of(system, shop.token) as client:
        yield client


@pytest_asyncio.fixture
async def page(system: System, shop: Business) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with the business's public id."""
    async with client_of(system, shop.id) as client:
        yield client


@pytest_asyncio.fixture
async def sender(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a platform's client."""
    async with client_with(system) as client:
        yield client


@pytest_asyncio.fixture(params=PLATFORMS)
async def platform(system: System, server: httpx.AsyncClient, request: pytest.FixtureRequest) -> Connection:
    """Connect a shop on each platform."""
    return await connect(system, server, request.param)


async def click(server: httpx.AsyncClient, phone: httpx.AsyncClient) -> tuple[str, str]:
    """Have Ana click the link of a new campaign; return campaign and session."""
    link = await make_link(server, profile="ana")
    return link["campaign"], session_of(await phone.get(path_of(link["short_url"])))


async def send(platform: Connection, told: ToldOrder) -> None:
    """Send the refund, then its order."""
    for topic, body in (told.refunded, told.placed):
        assert await platform.send(body, topic) == 200


async def actions_of(server: httpx.AsyncClient, profile: str) -> list[str]:
    """Return what somebody did, newest first."""
    response = await server.get(f"/v1/profiles/{profile}/activities", params={"limit": 100})
    return [each["action"] for each in response.json()["activities"]] if response.status_code == 200 else []


@pytest.mark.parametrize("is_page_first", [True, False])
async def test_a_page_tells_the_order_by_its_number(
    server: httpx.AsyncClient, page: httpx.AsyncClient, phone: httpx.AsyncClient, platform: Connection,
    *, is_page_first: bool,
) -> None:  # fmt: skip
    """With another amount and currency: one conversion, the webhook's money, the page's click."""
    campaign, session = await click(server, phone)
    told = told_of(platform.platform, order_of(platform.platform, STRANGER))
    order = {"reference": number_of(platform.platform), "source": platform.platform}
    said = {
        "action": "order.placed",
        "session": session,
        "object_parameters": order,
        "amount": "999.99",
        "currency": "EUR",
    }

    async def say() -> None:
        response = await page.post("/v1/track/events", json=said)
        assert response.status_code == 200, response.text

    if is_page_first:
        await say()
        await report_when(server, campaign, conversions=1)
        await send(platform, told)
    else:
        await send(platform, told)
        await say()
    left = [{"amount": told.left, "currency": told.currency}]
    await report_when(server, campaign, conversions=1, revenue=left)
    whole = (await server.get("/v1/report")).json()["totals"]
    assert (whole["conversions"], whole["revenue"]) == (1, left)


@pytest.mark.parametrize("person", [BRUNO, GUEST])
async def test_a_forwarded_link(
    server: httpx.AsyncClient, phone: httpx.AsyncClient, platform: Connection, person: Person
) -> None:
    """One visitor's session, another customer's order: the click's campaign, that customer's activity, two people."""
    name = platform.platform
    known: dict[str, Any] = {"id": "bruno", "email": person.email}
    if person.id:
        known = {"id": "bruno", "identities": [{"source": name, "user_id": person.id}]}
    assert (await server.post("/v1/profiles", json=known)).status_code == 201
    campaign, session = await click(server, phone)
    told = told_of(name, order_of(name, person, session))
    await send(platform, told)
    await report_when(server, campaign, conversions=1, revenue=[{"amount": told.left, "currency": told.currency}])
    await two_people(server, {"order.confirmed" if name == "generic" else "order.placed", "refund.received"})


async def test_a_forwarded_link_by_a_servers_event(server: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """The same by a private token."""
    assert (await server.post("/v1/profiles", json={"id": "bruno"})).status_code == 201
    campaign, session = await click(server, phone)
    order = {"reference": secrets.token_hex(8), "source": "shop"}
    said = {
        "action": "order.placed",
        "session": session,
        "profile": "bruno",
        "object_parameters": order,
        "amount": "7.50",
    }
    response = await server.post("/v1/attribution/events", json=said)
    assert response.status_code == 200, response.text
    await report_when(server, campaign, conversions=1, revenue=[{"amount": "7.50", "currency": "USD"}])
    await two_people(server, {"order.placed"})


async def two_people(server: httpx.AsyncClient, actions: set[str]) -> None:
    """See that Bruno did this, that Ana clicked and nothing else, and that they are nobody else's nor each other."""

    async def of_bruno() -> set[str]:
        return {*await actions_of(server, "bruno")}

    await eventually(of_bruno, lambda seen: actions <= seen)
    assert await actions_of(server, "ana") == ["short_link.clicked"]
    ana = (await server.get("/v1/profiles/ana")).json()
    assert (ana["email"], ana["identities"]) == (None, [])
    found = (await server.get("/v1/profiles")).json()["profiles"]
    assert {each["id"] for each in found} == {"ana", "bruno"}


# Those of thin platforms tell of an order alone; a trial of the address is not signed.
RECORDED = [each for each in vectors() if each.platform.name in PLATFORMS and not each.name.endswith("/ping")]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each.name)
async def test_recorded_deliveries(
    system: System, server: httpx.AsyncClient, sender: httpx.AsyncClient, recorded: Vector
) -> None:
    """As they were signed, whatever the case of a header's name; neither written anew nor by another secret."""
    name, body = recorded.platform.name, recorded.request.body
    made = await connect(system, server, name, secret=recorded.secret)
    right = dict(recorded.request.headers)

    async def status(headers: dict[str, str], content: bytes = body) -> int:
        return (await sender.post(f"/v1/hooks/{made.id}", content=content, headers=headers)).status_code

    if name == "stripe":  # Its signature is of a time that has passed.
        assert await status(right) == 401
        right |= {each.lower(): value for each, value in headers_of(name, body, recorded.secret).items()}
    wrong = headers_of(name, body, WRONG_SECRET, recorded.platform.topic(recorded.request))
    assert await status(wrong) == 401
    assert await status(right, json.dumps(json.loads(body)).encode()) == 401
    assert await status(right, body.rstrip()) == 401
    assert await status(right, body + b" ") == 401
    assert await status(right) == 200
    assert await status({each.swapcase(): value for each, value in right.items()}) == 200

    async def outcomes() -> list[str]:
        told = (await server.get(f"/v1/connections/{made.id}/deliveries")).json()["deliveries"]
        return [each["outcome"] for each in told]

    seen = await eventually(outcomes, lambda seen: len(seen) == 2 and "waiting" not in seen)
    is_ignored = recorded.name.endswith("order-deleted.json")
    assert seen[-1] == ("ignored" if is_ignored else "recorded"), seen
    assert seen[0] in {"duplicate", "ignored", "recorded"}
