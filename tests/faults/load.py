"""Visitors who click, come back, browse and buy, and repeat what was not answered, as clients do."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.faults.chain import Business
from tests.faults.http_client import Answer, AnswerLostError, Connection, get, post
from tests.faults.record import Record, Sent

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
FROM_PAGE = "/v1/track/events"
FROM_SERVER = "/v1/attribution/events"
DAY_SECONDS = 86_400
# Whoever is told to wait does, but not for ever.
LONGEST_WAIT_SECONDS = 2.0
TRIES = 60
RECIPIENTS_A_BATCH = 2_000
CAMPAIGNS = ("spring", "summer", "autumn")
SHARED_LINKS = 20
OK = 200
FOUND = 302
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Link:
    """A short link; without a profile it is a shared one."""

    path: str
    campaign: str
    profile: str | None


async def make_links(port: int, business: Business, recipients: int) -> list[Link]:
    """Create links for so many recipients, spread over the campaigns, and some that are shared."""
    connection = Connection(port)
    links: list[Link] = []
    for campaign in CAMPAIGNS:
        profiles = [f"{campaign}-{number}" for number in range(recipients // len(CAMPAIGNS))]
        for start in range(0, len(profiles), RECIPIENTS_A_BATCH):
            people = [{"profile": one, "external_id": one} for one in profiles[start : start + RECIPIENTS_A_BATCH]]
            links += await _make(connection, business, campaign, people)
        shared = [{"external_id": f"shared-{number}"} for number in range(SHARED_LINKS // len(CAMPAIGNS))]
        links += await _make(connection, business, campaign, shared)
    await connection.close()
    return links


async def _make(
    connection: Connection, business: Business, campaign: str, recipients: list[dict[str, str]]
) -> list[Link]:
    template = {"destination": "https://shop.example.com/p/1?ref=a", "campaign": campaign, "message": "first"}
    body = json.dumps({"template": template, "recipients": recipients}).encode()
    answer = await connection.ask(post("/v1/links/batch", body, business.token))
    assert answer.status == OK, answer
    made = json.loads(answer.body)["links"]
    return [Link(urlsplit(link["short_url"]).path, campaign, link.get("profile")) for link in made]


def session_of(redirect: Answer) -> str:
    """Return the session in a redirect's location."""
    location = (redirect.header(b"location") or b"").decode()
    return parse_qs(urlsplit(location).query)["hellotext_session"][0]


class Visitors:
    """People on connections of their own, at it until `is_over` says so."""

    def __init__(self, port: int, business: Business, links: Sequence[Link], record: Record) -> None:
        self._port = port
        self._business = business
        self._links = links
        self._record = record

    async def run(self, count: int, events_a_click: float, seed: int, is_over: Callable[[], bool]) -> None:
        """Let so many people visit."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._visit_again(number, events_a_click, random.Random(f"{seed}/{number}"), is_over))  # noqa: S311  (the same visits each time)

    async def _visit_again(
        self, number: int, events_a_click: float, rng: random.Random, is_over: Callable[[], bool]
    ) -> None:
        connections = (Connection(self._port), Connection(self._port))
        visits = 0
        while not is_over():
            visits += 1
            visit = _Visit(f"{number}-{visits}", self._business, self._record, rng, connections)
            await visit.run(rng.choice(self._links), int(events_a_click + rng.random()))
        for connection in connections:
            await connection.close()


class _Visit:
    """One click and what comes of it."""

    def __init__(
        self,
        name: str,
        business: Business,
        record: Record,
        rng: random.Random,
        connections: tuple[Connection, Connection],
    ) -> None:
        self._name = name
        self._business = business
        self._record = record
        self._rng = rng
        self._connection, self._other_connection = connections

    async def run(self, link: Link, events: int) -> None:
        """Click, and send so many events."""
        if self._rng.random() < 0.02:
            await self._crawl(link)
        session = await self._click(link)
        if session is None:
            return
        for number in range(events):
            key = f"{self._name}-{number}"
            path, fields, amount = self._event(number, link, session)
            fields["metadata"] = {"key": key}
            credential = self._business.token if path == FROM_SERVER else self._business.id
            request = post(path, json.dumps(fields).encode(), credential, f"Idempotency-Key: {key}")
            self._record.events[key] = Sent(request, amount, str(fields.get("currency", "")))
            if self._rng.random() < 0.03:
                self._record.sent_again += 1
                await asyncio.gather(self._send(key, self._connection), self._send(key, self._other_connection))
            else:
                await self._send(key, self._connection)

    def _event(self, number: int, link: Link, session: str) -> tuple[str, dict[str, object], int]:
        """Return where an event is sent, what it says, and what it earns in minor units."""
        kind = self._rng.randrange(10)
        fields: dict[str, object] = {"session": session}
        # Clocks of clients are wrong by a day.
        if self._rng.random() < 0.1:
            fields["tracked_at"] = int(time.time()) + self._rng.choice((-DAY_SECONDS, DAY_SECONDS))
        if kind < 5:
            return FROM_PAGE, fields | {"action": "page.viewed", "url": "https://shop.example.com/p/1"}, 0
        if kind < 7:
            sku = f"sku-{self._rng.randrange(50)}"
            return FROM_PAGE, fields | {"action": "product.viewed", "object_parameters": {"reference": sku}}, 0
        minor = self._rng.randrange(1, 100_000)
        money = {"currency": "JPY", "amount": str(minor)} if kind == 7 else {
            "currency": "USD", "amount": f"{minor // 100}.{minor % 100:02}"}  # fmt: skip
        if kind == 9:
            product = {"action": "product.purchased", "object_parameters": {"reference": f"sku-{minor % 50}"}}
            return FROM_SERVER, fields | money | product, minor
        order = {"action": "order.placed", "object_parameters": {"reference": f"{self._name}-{number}"}}
        # Who bought is known to the shop; on a shared link that is the first time.
        profile = link.profile or f"buyer-{self._name}"
        return FROM_SERVER, fields | money | order | {"profile": profile}, minor

    async def _click(self, link: Link) -> str | None:
        """Click until redirected, as people do, and return the session."""
        for _ in range(TRIES):
            try:
                answer = await self._connection.ask(get(link.path, PHONE))
            except AnswerLostError:
                self._record.clicks_without_answer += 1
                await self._pause(None)
                continue
            if answer.status == FOUND:
                session = session_of(answer)
                self._record.see_session(session, link.campaign)
                return session
            self._record.clicks_refused += 1
            await self._wait_as_told(answer, "a click")
        return None

    async def _crawl(self, link: Link) -> None:
        try:
            answer = await self._connection.ask(get(link.path, CRAWLER))
        except AnswerLostError:
            self._record.bots_without_redirect += 1
            return
        if answer.status == FOUND:
            self._record.bots_redirected += 1
        else:
            self._record.bots_without_redirect += 1

    async def _send(self, key: str, connection: Connection) -> None:
        """Send an event until it is acknowledged, with the same key."""
        for _ in range(TRIES):
            try:
                answer = await connection.ask(self._record.events[key].request)
            except AnswerLostError:
                self._record.events_without_answer += 1
                await self._pause(None)
                continue
            if answer.status == OK:
                self._record.acknowledge(key, json.loads(answer.body)["id"])
                return
            self._record.events_refused += 1
            await self._wait_as_told(answer, f"event {key}")

    async def _wait_as_told(self, answer: Answer, what: str) -> None:
        told = answer.header(b"retry-after")
        if answer.status != UNAVAILABLE or told is None:
            self._record.surprise(f"{what}: {answer.status} {answer.body[:300]!r}")
        await self._pause(told)

    async def _pause(self, told: bytes | None) -> None:
        longest = min(LONGEST_WAIT_SECONDS, float(told)) if told else 0.2
        await asyncio.sleep(longest * self._rng.uniform(0.5, 1.0))
