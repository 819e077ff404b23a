"""The outbox in Redis: a stream a shard, read by one group of consumers."""

import os
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from common.errors import ClicktrailError
from shortener_service.redis.client import Command, ErrorReply, RedisCalls, Script
from shortener_service.redis.keyspace import Keys

GROUP = "tracking"
# Where reading begins: at the entries that no consumer has read, or at the first one pending for this consumer.
UNREAD = ">"
FIRST_PENDING = "0"
# Consumers of processes that died leave their names behind; after an hour without a word they are forgotten.
FORGOTTEN_AFTER_MILLISECONDS = 3_600_000

_REMOVE = Script(__package__, "remove_entries.lua")
_LEAVE = Script(__package__, "leave_outbox.lua")


class Entry(NamedTuple):
    """One entry of the outbox."""

    shard: int
    id: str
    delivery: bytes
    """A serialized `DeliverRequest`."""
    counted_for: str
    """The business that it is counted for, as an entry beyond half of the room; or ""."""


class RedisOutbox:
    """The outbox as one consumer sees it."""

    def __init__(self, calls: RedisCalls, keys: Keys, claim_seconds: float, consumer: str = "") -> None:
        self._calls = calls
        self._keys = keys
        self._all = range(keys.shards.count)
        self._claim_milliseconds = int(claim_seconds * 1000)
        # Where the search for forgotten entries goes on, a shard each.
        self._claim_from = ["0"] * keys.shards.count
        self._missed: set[int] = set()
        self.consumer = consumer or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    async def read(self, after: Mapping[int, str], count: int) -> list[Entry]:
        """Return at most so many entries of each of these shards, oldest first.

        `after` is `UNREAD`, `FIRST_PENDING` or the id of an entry: then those behind it pending for this consumer.
        """
        commands: list[Command] = [
            ("XREADGROUP", "GROUP", GROUP, self.consumer, "COUNT", count, "STREAMS", self._keys.outboxes[shard], start)
            for shard, start in after.items()
        ]
        replies = await self._run(commands, after)
        return [entry for shard, reply in replies.items() if reply for entry in _entries(shard, reply[0][1])]

    async def claim(self, count: int) -> list[Entry]:
        """Take over and return entries that have been pending for too long, for any consumer."""
        commands: list[Command] = [
            ("XAUTOCLAIM", key, GROUP, self.consumer, self._claim_milliseconds, start, "COUNT", count)
            for key, start in zip(self._keys.outboxes, self._claim_from, strict=True)
        ]
        replies = await self._run(commands, self._all)
        for shard, reply in replies.items():
            self._claim_from[shard] = reply[0].decode()
        return [entry for shard, reply in replies.items() for entry in _entries(shard, reply[1])]

    async def forget_idle_consumers(self) -> None:
        """Remove the names of consumers that have been idle for an hour and have nothing pending."""
        await self._run(
            [_LEAVE.call([key], (GROUP, "", FORGOTTEN_AFTER_MILLISECONDS)) for key in self._keys.outboxes], self._all
        )

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Forget entries that were delivered."""
        by_shard: dict[int, list[str]] = {}
        for entry in entries:
            by_shard.setdefault(entry.shard, [GROUP]).extend((entry.id, entry.counted_for))
        commands = [
            _REMOVE.call([self._keys.outboxes[shard], self._keys.counts[shard]], arguments)
            for shard, arguments in by_shard.items()
        ]
        await self._run(commands, by_shard)

    async def latest_ids(self) -> dict[int, str]:
        """Return the id of the last entry of each shard that has entries. Raises UNAVAILABLE (`STORE_DOWN`)."""
        commands: list[Command] = [("XREVRANGE", key, "+", "-", "COUNT", 1) for key in self._keys.outboxes]
        replies = await self._calls.run(commands)
        return {shard: reply[0][0].decode() for shard, reply in enumerate(replies) if reply}

    async def undelivered(self, up_to: Mapping[int, str]) -> dict[int, str]:
        """Return those of these shards that have an entry up to this id. Raises UNAVAILABLE (`STORE_DOWN`)."""
        commands: list[Command] = [
            ("XRANGE", self._keys.outboxes[shard], "-", id_, "COUNT", 1) for shard, id_ in up_to.items()
        ]
        replies = await self._calls.run(commands)
        return {shard: id_ for (shard, id_), reply in zip(up_to.items(), replies, strict=True) if reply}

    async def leave(self) -> None:
        """Stop being a consumer, on each shard where nothing is pending for it."""
        await self._run([_LEAVE.call([key], (GROUP, self.consumer, 0)) for key in self._keys.outboxes], self._all)

    def take_missed(self) -> set[int]:
        """Return the shards that did not answer since this was last asked: the others were served all the same."""
        missed, self._missed = self._missed, set()
        return missed

    async def _run(self, commands: Sequence[Command], shards: Iterable[int]) -> dict[int, Any]:
        """Run a command on each of these shards, and return the replies of those that answer.

        Where the group is not there yet, or any more, create it and run the command again. A shard whose server is away
        is missed, and the others are served; raises UNAVAILABLE (`STORE_DOWN`) where all there are are away.
        """
        replies = await self._calls.run_apart(commands, tolerates="NOGROUP")
        refused = [at for at, reply in enumerate(replies) if isinstance(reply, ErrorReply)]
        if refused:
            await self._create_groups()
            again = await self._calls.run_apart([commands[at] for at in refused])
            for at, reply in zip(refused, again, strict=True):
                replies[at] = reply
        by_shard = dict(zip(shards, replies, strict=True))
        failures = {shard: reply for shard, reply in by_shard.items() if isinstance(reply, ClicktrailError)}
        self._missed |= failures.keys()
        if len(failures) == len(self._all):
            raise next(iter(failures.values()))
        return {shard: reply for shard, reply in by_shard.items() if shard not in failures}

    async def _create_groups(self) -> None:
        await self._calls.run_apart(
            [("XGROUP", "CREATE", key, GROUP, "0", "MKSTREAM") for key in self._keys.outboxes], tolerates="BUSYGROUP"
        )


def _entries(shard: int, found: Sequence[Any]) -> list[Entry]:
    """Return the entries of a reply; one that was deleted while pending comes without fields, or not at all."""
    return [
        Entry(shard, entry[0].decode(), entry[1][1], _counted_for(entry[1])) for entry in found if entry and entry[1]
    ]


def _counted_for(fields: Sequence[bytes]) -> str:
    """Return the business that an entry names behind its delivery, if it names one."""
    return fields[3].decode() if len(fields) > len(("d", "delivery")) else ""
