"""Lets the faults of a schedule strike, each as soon as the load is so far."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from tests.faults.chain import Chain
from tests.faults.schedule import KILLS, Fault

LOOK_SECONDS = 0.02
REPLIES = 5
# A reply that nobody sends cannot be dropped.
REPLY_SECONDS = 5.0
TINY_SPOOL_BYTES = 65_536

Say = Callable[[str], None]


class Conductor:
    """Runs a schedule. Faults may overlap, but no two strike one server at a time."""

    def __init__(self, chain: Chain, faults: Sequence[Fault], progress: Callable[[], int], say: Say) -> None:
        self._chain = chain
        self._faults = faults
        self._progress = progress
        self._say = say
        self._locks = {name: asyncio.Lock() for name in ("gateway", "shortener", "tracking", "redis", "postgres")}
        self._kinds: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "kill": self._kill,
            "cut the relay and kill": self._cut_relay_and_kill,
            "fill the spool": self._fill_spool,
            "stop": self._stop,
            "freeze": self._freeze,
            "stall": self._stall,
            "drop replies": self._drop_replies,
            "cut": self._cut,
        }
        self.struck: Counter[str] = Counter()
        self.kills = 0
        self.replies_dropped: Counter[str] = Counter()

    async def run(self) -> None:
        """Return when the last fault is over."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in self._faults:
                while self._progress() < fault.at:  # noqa: ASYNC110  (an event for each of 200,000 answers costs more)
                    await asyncio.sleep(LOOK_SECONDS)
                self._say(f"{time.monotonic() - begun:6.1f} s  {fault}")
                group.create_task(self._strike(fault))

    async def _strike(self, fault: Fault) -> None:
        await self._kinds[fault.kind](fault)
        self.struck[f"{fault.kind} {fault.where}"] += 1
        self.kills += KILLS.get(fault.kind, 0)

    async def _kill(self, fault: Fault) -> None:
        async with self._locks[fault.where]:
            await self._chain.kill(fault.where)

    async def _stop(self, fault: Fault) -> None:
        async with self._locks[fault.where]:
            with self._chain.held_down(fault.where):
                await self._chain.stop(fault.where)
                await asyncio.sleep(fault.seconds)

    async def _freeze(self, fault: Fault) -> None:
        async with self._locks[fault.where]:
            await self._chain.freeze(fault.where, fault.seconds)

    async def _stall(self, fault: Fault) -> None:
        proxy = self._chain.proxy(fault.where)
        proxy.stall(is_stalled=True)
        await asyncio.sleep(fault.seconds)
        proxy.stall(is_stalled=False)

    async def _cut(self, fault: Fault) -> None:
        self._chain.proxy(fault.where).cut()

    async def _drop_replies(self, fault: Fault) -> None:
        for _ in range(REPLIES):
            await self._drop_reply(fault.where, is_cut=True)

    async def _drop_reply(self, way: str, *, is_cut: bool) -> None:
        proxy = self._chain.proxy(way)
        drop = proxy.drop_reply(is_cut=is_cut)
        # Waited for only so long: a delivery, say, needs a click that gets through.
        done, _ = await asyncio.wait({drop.dropped}, timeout=REPLY_SECONDS)
        if done:
            self.replies_dropped[way] += 1
        else:
            proxy.forget(drop)

    async def _cut_relay_and_kill(self, fault: Fault) -> None:
        """Kill between tracking's commit and the relay's word to Redis: the reply is there, and nobody reads it."""
        async with self._locks[fault.where]:
            await self._drop_reply("relay", is_cut=False)
            await self._chain.kill(fault.where)
            self._chain.proxy("relay").cut()

    async def _fill_spool(self, fault: Fault) -> None:
        """Let tracking have next to no disk while PostgreSQL is away."""
        async with self._locks["tracking"], self._locks["postgres"]:
            self._chain.stack.spool_limit_bytes = TINY_SPOOL_BYTES
            await self._chain.kill("tracking")
            with self._chain.held_down("postgres"):
                await self._chain.stop("postgres")
                await asyncio.sleep(fault.seconds)
            self._chain.stack.spool_limit_bytes = None
            await self._chain.kill("tracking")
