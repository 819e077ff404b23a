"""What is beyond a sender's budget: 429, and when to come again."""

import asyncio
import gzip
import json
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from typer.testing import CliRunner

from cli.app import app
from tests.e2e.businesses import client_of, make_business
from tests.e2e.conftest import PHONE, System, client_with
from tests.support.waiting import eventually

PAGES, SERVERS = "/v1/track/events", "/v1/attribution/events"
# Of the usual budgets: five events at once, and one order, of one address.
SMALL = 0.01
# An address of its own: what it has used up, no other test may miss.
GUESSER = "127.0.0.9"


def event(action: str = "page.viewed", **more: Any) -> dict[str, Any]:
    """Return an event of some session."""
    return {"action": action, "session": secrets.token_hex(8), **more}


def order() -> dict[str, Any]:
    """Return an order."""
    return event("order.placed", object_parameters={"reference": secrets.token_hex(4)}, amount="1")


async def statuses(client: httpx.AsyncClient, path: str, events: list[dict[str, Any]]) -> Counter[int]:
    """Return how often each status came, of events sent at once."""
    answers = await asyncio.gather(*(client.post(path, json=one) for one in events))
    return Counter(answer.status_code for answer in answers)


async def test_what_is_beyond_a_budget_is_told_when_to_come_again(system: System) -> None:
    """In the form of the API, readable to the page; and then it is taken."""
    business = await make_business(system, rate_factor=SMALL)
    async with client_of(system, business.id) as page:
        await statuses(page, PAGES, [event() for _ in range(20)])
        refused = await page.post(PAGES, json=event())
        assert refused.status_code == 429
        assert refused.json()["errors"][0]["type"] == "rate_limited"
        assert "Retry-After" in refused.headers["access-control-expose-headers"]
        await asyncio.sleep(int(refused.headers["retry-after"]))

        async def again() -> int:
            return (await page.post(PAGES, json=event())).status_code

        await eventually(again, (200).__eq__)


async def test_orders_go_on_where_events_are_too_many(system: System) -> None:
    """Also in the middle of them: they have a budget of their own, and so have servers."""
    business = await make_business(system, rate_factor=SMALL)
    async with client_of(system, business.id) as page, client_of(system, business.token) as server:
        seen = await statuses(page, PAGES, [event() for _ in range(30)])
        assert seen[429] > 10
        assert (await page.post(PAGES, json=order())).status_code == 200
        assert (await page.post(PAGES, json=order())).status_code == 429
        assert await statuses(server, SERVERS, [event() for _ in range(30)]) == {200: 30}


async def test_a_batch_is_counted_by_what_is_in_it(system: System) -> None:
    """By its events, and by what they become; it is taken whole or not at all."""
    business = await make_business(system, rate_factor=SMALL)
    many = gzip.compress(json.dumps({"events": [event() for _ in range(300)]}).encode(), mtime=0)
    async with client_of(system, business.id) as page:

        async def send() -> httpx.Response:
            return await page.post(f"{PAGES}/batch", content=many, headers={"Content-Encoding": "gzip"})

        first = await send()
        assert Counter(receipt["status"] for receipt in first.json()["receipts"]) == {"accepted": 300}
        second = await send()
        assert second.status_code == 429
        assert int(second.headers["retry-after"]) == 60


async def test_other_businesses_notice_nothing(system: System) -> None:
    """While one is far beyond what it has."""
    hostile, calm = await make_business(system, rate_factor=SMALL), await make_business(system)
    async with client_of(system, hostile.id) as flood, client_of(system, calm.id) as page:
        refused, taken = await asyncio.gather(
            statuses(flood, PAGES, [event() for _ in range(300)]),
            statuses(page, PAGES, [event() for _ in range(50)] + [order() for _ in range(20)]),
        )
    assert refused[429] > 250
    assert taken == {200: 70}


async def test_one_address_at_its_worst_takes_nothing_from_other_visitors(system: System) -> None:
    """Of one business: what fifty visitors send and order meanwhile, each from an address of its own, is all taken."""
    # A tenth of the usual: also a slow machine is beyond it.
    business = await make_business(system, rate_factor=0.1)
    seen: Counter[int] = Counter()
    is_over = asyncio.Event()

    async def flood(client: httpx.AsyncClient) -> None:
        while not is_over.is_set():
            seen.update(await statuses(client, PAGES, [event() for _ in range(40)] + [order() for _ in range(10)]))

    async def visit(number: int) -> Counter[int]:
        async with client_of(system, business.id, address=f"127.0.1.{number}") as visitor:
            return await statuses(visitor, PAGES, [event(), event(), order()])

    async with client_of(system, business.id, address=GUESSER) as flooder:
        flooding = asyncio.create_task(flood(flooder))

        async def refused() -> int:
            return seen[429]

        await eventually(refused, bool)
        visits = await asyncio.gather(*(visit(number) for number in range(1, 51)))
        is_over.set()
        await flooding
    assert sum(visits, Counter[int]()) == {200: 150}


async def test_who_guesses_credentials_is_refused_and_who_has_one_is_not(system: System) -> None:
    """From one address: beyond a hundred wrong ones no other is looked up, but those that were right before are."""
    business = await make_business(system)
    async with client_of(system, business.id, address=GUESSER) as page:
        assert (await page.post(PAGES, json=event())).status_code == 200
        async with client_with(system, address=GUESSER) as guesser:
            seen: Counter[int] = Counter()
            for _ in range(150):
                guess = {"Authorization": f"Bearer ct_{secrets.token_hex(20)}"}
                seen[(await guesser.get("/v1/links", headers=guess)).status_code] += 1
        assert seen[429] > 0
        assert seen.keys() <= {401, 429}
        assert (await page.post(PAGES, json=event())).status_code == 200


async def test_who_guesses_codes_is_refused_and_live_links_are_not(system: System) -> None:
    """From the same address; a person is told what to do. What is refused in between may be less on a slow machine."""
    texts: dict[int, str] = {}
    async with client_with(system, address=GUESSER, **{"User-Agent": PHONE}) as phone:
        for _ in range(300):
            answer = await phone.get(f"/{secrets.token_hex(3)}")
            texts[answer.status_code] = answer.text
        assert (await phone.get(f"/{system.links[0]['code']}")).status_code == 302
    assert texts.keys() == {404, 429}
    assert "come again" in texts[429]


async def test_an_operator_gives_a_business_more(system: System) -> None:
    """By one command, effective within seconds, without a restart."""
    business = await make_business(system, rate_factor=SMALL)
    async with client_of(system, business.id) as page:
        assert (await statuses(page, PAGES, [event() for _ in range(30)]))[429] > 10
        command = ["business", "update", "--business", business.id, "--rate-factor", "4", "--tracking", system.tracking]
        command += ["--key-file", str(system.operator_key)]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert result.output == f"{business.id}: 4 times the usual rate limits\n"

        async def taken() -> Counter[int]:
            return await statuses(page, PAGES, [event() for _ in range(30)])

        await eventually(taken, lambda seen: seen == {200: 30})


async def test_what_was_refused_is_told(system: System) -> None:
    """In every report of the business: as JSON and CSV, on the page with what to do, and by the command."""
    business = await make_business(system, rate_factor=SMALL)
    async with client_of(system, business.token) as server:
        made = await server.post("/v1/links", json={"destination": "https://shop.example.com/", "campaign": "spring"})
        assert made.status_code == 201
    hour = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:00:00Z}"
    async with client_of(system, business.id) as page, client_of(system, business.token) as server:
        refused = (await statuses(page, PAGES, [event() for _ in range(30)]))[429]
        assert refused > 10

        async def told() -> Any:
            # What is asked for here has a budget as well.
            await asyncio.sleep(1)
            return (await server.get("/v1/report", params={"from": hour})).json()["refused_requests"]

        shown = [{"kind": "events", "credential": "public", "count": refused}]
        assert await eventually(told, bool) == shown
        table = await server.get("/v1/campaigns/spring/report.csv", params={"from": hour})
        assert f"refused_requests,events public,count,{refused}," in table.text.splitlines()
        link = (await server.post("/v1/report_links", json={"campaign": "spring"})).json()
        page.follow_redirects = True
        seen = await page.get(f"{link['path']}&range=24h")
        assert "Some requests were refused" in seen.text
        assert f"{refused} with events from pages" in seen.text
    async with client_of(system, (await make_business(system)).token) as other:
        assert (await other.get("/v1/report", params={"from": hour})).json()["refused_requests"] == []
    command = ["report", "--business", business.id, "--from", hour, "--tracking", system.tracking]
    printed = await asyncio.to_thread(CliRunner().invoke, app, [*command, "--key-file", str(system.operator_key)])
    assert "Refused" in printed.output
