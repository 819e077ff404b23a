"""The platform of a connected shop: it sends signed orders and refunds, and repeats what was not answered 200."""

import asyncio
import json
import random
from collections.abc import Callable
from itertools import count
from urllib.parse import urlsplit

from tests.faults.chain import Business, Chain
from tests.faults.http_client import AnswerLostError, Connection, get, post
from tests.faults.ledger import Line
from tests.faults.load import (
    FOUND,
    LONGEST_WAIT_SECONDS,
    OK,
    PHONE,
    TRIES,
    UNAVAILABLE,
    make_links,
    session_of,
)
from tests.faults.record import Record
from tests.faults.stores import Rows, Stores
from tests.support.platforms.signatures import headers_of
from tests.support.platforms.trails import Person, order_of, told_of
from tests.support.waiting import eventually

PLATFORM = "woocommerce"
CREATED = 201
# What each refund of the recorded deliveries takes back.
REFUND_MINOR = 2_000
SETTLED_SECONDS = 600.0
LINE = "webhooks: orders and money in the report = those answered 200"


class Webhooks:
    """A shop that is connected, in a business of its own, and what its platform has sent."""

    def __init__(self, chain: Chain, record: Record) -> None:
        self._port = chain.proxy("http").port
        self._chain = chain
        self._record = record
        self._numbers = count(1)
        self._business = Business("", "")
        self._hook, self._secret, self._session = "", "", ""
        self.orders = 0
        """Orders that were answered 200."""
        self.refunds = 0
        self.revenue_minor = 0

    @property
    def business_id(self) -> str:
        """Whose orders these are."""
        return self._business.id

    async def connect(self) -> None:
        """Make the business, its connection, and a click that all orders come from."""
        self._business = await self._chain.make_business()
        (link, *_) = await make_links(self._port, self._business, recipients=3)
        connection = Connection(self._port)
        body = json.dumps({"platform": PLATFORM}).encode()
        made = await connection.ask(post("/v1/connections", body, self._business.token))
        assert made.status == CREATED, made
        told = json.loads(made.body)
        self._hook, self._secret = urlsplit(told["hook_url"]).path, told["secret"]
        clicked = await connection.ask(get(link.path, PHONE))
        assert clicked.status == FOUND, clicked
        self._session = session_of(clicked)
        await connection.close()

    async def run(self, senders: int, seed: int, is_over: Callable[[], bool]) -> None:
        """Let so many of the platform's machines send."""
        async with asyncio.TaskGroup() as group:
            for number in range(senders):
                group.create_task(self._send_on(random.Random(f"{seed}/webhooks/{number}"), is_over))  # noqa: S311  (the same orders each time)

    async def settled(self, stores: Stores) -> None:
        """Wait until all that was answered 200 is in the report, or is never going to be."""

        async def is_settled() -> bool:
            return self.line(await stores.rows(self.business_id)).is_right

        try:
            await eventually(is_settled, bool, limit_seconds=SETTLED_SECONDS)
        except AssertionError:
            return  # The ledger tells what there is.

    def line(self, rows: Rows) -> Line:
        """Return what must be equal to the cent, of the business and of the click's campaign."""
        found = {
            scope: tuple(
                sum(int(row[figure]) for row in rows.event_counts if row["scope"] == scope)
                for figure in ("conversions", "revenue")
            )
            for scope in ("business", "campaign")
        }
        expected = (self.orders, self.revenue_minor)
        text = f"{self.orders:,} orders, {self.refunds:,} refunds, {self.revenue_minor:,} in minor units"
        is_right = set(found.values()) == {expected}
        return Line(LINE, text, is_right, [] if is_right else [f"in the report: {found}"])

    async def _send_on(self, rng: random.Random, is_over: Callable[[], bool]) -> None:
        connection = Connection(self._port)
        while not is_over():
            await self._sell(rng, connection)
        await connection.close()

    async def _sell(self, rng: random.Random, connection: Connection) -> None:
        """Send an order, often with a refund, which may come first; some things are sent twice."""
        minor = rng.randrange(REFUND_MINOR + 1, 100_000)
        number = {"id": 10 * next(self._numbers), "total": f"{minor // 100}.{minor % 100:02}"}
        told = told_of(PLATFORM, order_of(PLATFORM, Person("")) | self._with_session() | number)
        sent = [told.placed, told.refunded][: rng.choice((1, 2, 2))]
        rng.shuffle(sent)
        if rng.random() < 0.1:
            sent += sent
        answered = [await self._send(topic, body, rng, connection) for topic, body in sent]
        if not all(answered):
            return
        has_refund = told.refunded in sent
        self.orders += 1
        self.refunds += has_refund
        self.revenue_minor += minor - REFUND_MINOR * has_refund

    def _with_session(self) -> dict[str, object]:
        return {"meta_data": order_of(PLATFORM, Person(""), self._session)["meta_data"]}

    async def _send(self, topic: str, body: bytes, rng: random.Random, connection: Connection) -> bool:
        """Send a delivery until it is answered 200."""
        headers = [f"{name}: {value}" for name, value in headers_of(PLATFORM, body, self._secret, topic).items()]
        request = post(self._hook, body, None, *headers)
        for _ in range(TRIES):
            told: bytes | None = None
            try:
                answer = await connection.ask(request)
            except AnswerLostError:
                self._record.webhooks_without_answer += 1
            else:
                if answer.status == OK:
                    return True
                self._record.webhooks_refused += 1
                told = answer.header(b"retry-after")
                if answer.status != UNAVAILABLE or told is None:
                    self._record.surprise(f"webhook: {answer.status} {answer.body[:300]!r}")
            longest = min(LONGEST_WAIT_SECONDS, float(told)) if told else 0.2
            await asyncio.sleep(longest * rng.uniform(0.5, 1.0))
        self._record.surprise(f"a webhook was not taken in {TRIES} tries")
        return False
