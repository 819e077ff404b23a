"""Knows which server holds a key. A single server is the cluster of one node that holds them all."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import parse_url
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, MovedError, ResponseError

from common.errors import ClicktrailError
from common.logging import get_logger
from shortener_service.errors import UnsuitableStoreError
from shortener_service.redis.addresses import addresses_in
from shortener_service.redis.connection import Command
from shortener_service.redis.kind import check_kind, facts_in
from shortener_service.redis.node import ANSWER_SECONDS, RedisNode, store_down

log = get_logger(__name__)

# After a node has failed the others are asked this often who holds its slots now.
RELEARN_SECONDS = 1.0
# Where a command has its first key, if not behind its name.
_KEY_AT = {"EVALSHA": 3, "EVAL": 3, "XGROUP": 2, "XREADGROUP": 7}

Address = tuple[str, int]


class RedisCluster:
    """The servers behind an address, and the slots that each of them holds."""

    def __init__(self, url: str) -> None:
        seeds: list[dict[str, Any]] = [dict(parse_url(address)) for address in addresses_in(url)]
        self._options = {name: value for name, value in seeds[0].items() if name not in ("host", "port")}
        self._seeds = [RedisNode(seed) for seed in seeds]
        self._nodes: dict[Address, RedisNode] = {}
        self._owners: list[RedisNode | None] = []
        self._slots: dict[str, int] = {}
        self._learning = asyncio.Lock()
        self._relearning: asyncio.Task[None] | None = None
        self._relearn_at = 0.0
        self._only: RedisNode | None = None

    @property
    def nodes(self) -> list[RedisNode]:
        """All servers that hold slots."""
        return [self._only] if self._only is not None else list(dict.fromkeys(filter(None, self._owners)))

    @property
    def is_known(self) -> bool:
        """Whether it was found out what there is."""
        return self._only is not None or bool(self._owners)

    async def learn(self) -> None:
        """Find out, once, whether there is a cluster, and who holds which slots of it."""
        async with self._learning:
            if not self.is_known:
                await self._learn_from(self._seeds)

    def by_node(self, commands: Sequence[Command]) -> dict[RedisNode, list[int]]:
        """Return the positions of commands by the server that is to run them, in order."""
        if self._only is not None:
            return {self._only: list(range(len(commands)))}
        ways: dict[RedisNode, list[int]] = {}
        for at, command in enumerate(commands):
            # A slot that no node is known to hold: any node refuses it, or says which holds it by now.
            node = self._owners[self._slot_of(command)] or self._seeds[0]
            ways.setdefault(node, []).append(at)
        return ways

    def follow(self, refusal: AskError, told_by: RedisNode) -> tuple[RedisNode, bool]:
        """Return the server that is to be asked instead, and whether the slot is only on its way there.

        A slot that has arrived is looked for there from now on.
        """
        # An empty host stands for that of the one who tells.
        node = self._node((refusal.host or told_by.host, refusal.port))
        if not isinstance(refusal, MovedError):
            return node, True
        if not self._owners:
            self._owners, self._only = [self._only] * REDIS_CLUSTER_HASH_SLOTS, None
        self._owners[refusal.slot_id] = node
        return node, False

    def suspect(self, node: RedisNode) -> None:
        """Ask the others, beside all else, whether a server that fails was replaced."""
        if self._only is not None or time.monotonic() < self._relearn_at:
            return
        self._relearn_at = time.monotonic() + RELEARN_SECONDS
        others = [other for other in (*self.nodes, *self._seeds) if other is not node]
        if self._relearning is None or self._relearning.done():
            self._relearning = asyncio.create_task(self._relearn(others))

    async def close(self) -> None:
        """Close all connections."""
        if self._relearning is not None:
            self._relearning.cancel()
            await asyncio.gather(self._relearning, return_exceptions=True)
        for node in (*self._seeds, *self._nodes.values()):
            node.close()

    async def _relearn(self, others: Sequence[RedisNode]) -> None:
        try:
            await self._learn_from(others)
        except ClicktrailError:
            log.warning("no other node of redis says who holds the slots of one that fails")

    async def _learn_from(self, nodes: Sequence[RedisNode]) -> None:
        """Take over what the first of these servers says that answers."""
        for node in nodes:
            try:
                (reply, info), _ = await node.send([("CLUSTER", "SLOTS"), ("INFO", "server")], ANSWER_SECONDS)
            except ClicktrailError:
                continue
            if not isinstance(reply, ResponseError):
                self._take_slots(reply, node)
                return
            if not self.is_known:
                # Several sentinels in one address would be told that they are no cluster, and not what they are.
                check_kind(facts_in(info))
                self._take_single(node, reply)
                return
        raise store_down()

    def _take_single(self, node: RedisNode, refusal: ResponseError) -> None:
        """Take a server that knows of no cluster for the only one."""
        if len(self._seeds) > 1:
            raise UnsuitableStoreError(f"CLICKTRAIL_REDIS_URL names several servers; they are no cluster. ({refusal})")
        self._only = node

    def _take_slots(self, ranges: Sequence[Any], told_by: RedisNode) -> None:
        owners: list[RedisNode | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, master, *_replicas in ranges:
            host = (master[0] or b"").decode()
            # Unknown hosts are told as nothing or a question mark: that of the one who tells is meant.
            address = (told_by.host if host in ("", "?") else host, master[1])
            owners[first : last + 1] = [self._node(address)] * (last + 1 - first)
        self._owners = owners
        self._let_go()

    def _let_go(self) -> None:
        """Close connections to servers that hold nothing any more, once nothing is under way there."""
        holding = set(self.nodes)
        for address, node in list(self._nodes.items()):
            if node not in holding and not node.is_busy:
                del self._nodes[address]
                node.close()

    def _node(self, address: Address) -> RedisNode:
        node = self._nodes.get(address)
        if node is None:
            host, port = address
            node = self._nodes[address] = RedisNode(self._options | {"host": host, "port": port})
        return node

    def _slot_of(self, command: Command) -> int:
        key = str(command[_KEY_AT.get(str(command[0]), 1)])
        # What stands before the brace's end decides; there are as many as there are shards.
        tag = key[: key.find("}") + 1]
        slot = self._slots.get(tag)
        if slot is None:
            slot = self._slots[tag] = key_slot(key.encode())
        return slot
