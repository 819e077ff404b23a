"""One run: load and faults at the same time, then quiet, then the ledger."""

import asyncio
import json
import random
from dataclasses import dataclass

from tests.faults.chain import Business, Chain
from tests.faults.conductor import Conductor, Say
from tests.faults.http_client import Connection
from tests.faults.ledger import Ledger, Line, draw, none
from tests.faults.load import OK, Visitors, make_links
from tests.faults.reconciling import reconciled
from tests.faults.record import Record
from tests.faults.schedule import schedule
from tests.faults.stores import Stores
from tests.faults.webhooks.sender import Webhooks

RESENT = 1_000
RESENT_AT_ONCE = 8
SENDERS_OF_WEBHOOKS = 2
# A load that gets no further for so long never will.
STUCK_SECONDS = 180.0
WATCH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    seed: int
    clicks: int
    events: int
    kills: int
    visitors: int
    recipients: int
    longest_outage_seconds: float


LONG = Plan(1, 120_000, 100_000, 36, 32, 6_000, 20.0)
SHORT = Plan(1, 1_500, 1_500, 8, 12, 300, 2.0)


class Run:
    """A plan carried out on a chain, for a business of its own."""

    def __init__(self, chain: Chain, plan: Plan, say: Say) -> None:
        self._chain = chain
        self._plan = plan
        self._say = say
        self._business = Business("", "")
        self._conductor: Conductor | None = None
        self.record = Record()
        self.stores = Stores(chain)
        self.webhooks = Webhooks(chain, self.record)

    @property
    def business_id(self) -> str:
        """Whose clicks and events these are."""
        return self._business.id

    @property
    def conductor(self) -> Conductor:
        """What struck."""
        assert self._conductor is not None
        return self._conductor

    async def carry_out(self) -> None:
        """Return when the load is through, every fault is over, and nothing is under way any more."""
        plan, chain, record = self._plan, self._chain, self.record
        port = chain.proxy("http").port
        self._business = await chain.make_business()
        links = await make_links(port, self._business, plan.recipients)
        await self.webhooks.connect()
        faults = schedule(plan.seed, plan.kills, plan.clicks + plan.events, plan.longest_outage_seconds)
        self._conductor = Conductor(chain, faults, lambda: record.progress, self._say)
        striking = asyncio.create_task(self._conductor.run())

        def is_over() -> bool:
            enough = len(record.sessions) >= plan.clicks and len(record.acknowledged) >= plan.events
            return striking.done() and enough

        visitors = Visitors(port, self._business, links, record)
        visiting = asyncio.create_task(visitors.run(plan.visitors, plan.events / plan.clicks, plan.seed, is_over))
        sending = asyncio.create_task(self.webhooks.run(SENDERS_OF_WEBHOOKS, plan.seed, is_over))
        await self._see_through({striking, visiting, sending})
        self._say("the load is through; waiting until nothing is under way")
        await chain.until_ready()
        await self.stores.drain(record)
        await self.webhooks.settled(self.stores)

    async def ledger(self, tampering: str = "SELECT", *values: object) -> Ledger:
        """Draw the ledger as it is now, or as it would be after tampering with the rows."""
        rows = await self.stores.rows(self.business_id, tampering, *values)
        drawn = draw(self.record, rows, await self.stores.clicks_in_outbox())
        sold = self.webhooks.line(await self.stores.rows(self.webhooks.business_id, tampering, *values))
        return Ledger((*drawn.lines, sold, none("services that ended by themselves", self._chain.deaths)))

    async def whole_ledger(self) -> Ledger:
        """Draw the ledger, let the product recount too, and send acknowledged events again."""
        ledger = await self.ledger()
        recounted = [
            await reconciled(self._chain, business) for business in (self.business_id, self.webhooks.business_id)
        ]
        return Ledger((*ledger.lines, *recounted, await self.send_again()))

    async def send_again(self) -> Line:
        """Send acknowledged events once more: each has its id again, and nothing that is kept changes."""
        before = await self.stores.sizes()
        keys = sorted(self.record.acknowledged)
        chosen = random.Random(self._plan.seed).sample(keys, min(RESENT, len(keys)))  # noqa: S311  (any of them)
        shares = [chosen[start::RESENT_AT_ONCE] for start in range(RESENT_AT_ONCE)]
        wrong = [one for found in await asyncio.gather(*map(self._send_share, shares)) for one in found]
        await self.stores.drain(self.record)
        after = await self.stores.sizes()
        if after != before:
            wrong.append(f"sizes before {before}, after {after}")
        return Line(f"{len(chosen):,} acknowledged events sent again: changes", f"{len(wrong)}", not wrong, wrong)

    async def _send_share(self, keys: list[str]) -> list[str]:
        connection = Connection(self._chain.proxy("http").port)
        wrong = []
        for key in keys:
            answer = await connection.ask(self.record.events[key].request)
            if answer.status != OK or json.loads(answer.body)["id"] != self.record.acknowledged[key]:
                wrong.append(f"{key}: {answer.status} {answer.body[:200]!r}")
        await connection.close()
        return wrong

    async def _see_through(self, tasks: "set[asyncio.Task[None]]") -> None:
        """Wait for load and faults; give up where neither gets any further."""
        loop = asyncio.get_running_loop()
        seen, seen_at = -1, loop.time()
        try:
            while not all(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=WATCH_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
                for task in tasks:
                    if task.done():
                        task.result()
                if self.record.progress != seen:
                    seen, seen_at = self.record.progress, loop.time()
                stuck = f"no further than {seen} for {STUCK_SECONDS} s; {self.record.surprises}"
                assert loop.time() < seen_at + STUCK_SECONDS, stuck
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
