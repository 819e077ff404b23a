"""Sends commands to the servers of Redis that have their keys, and tells all failures as one kind."""

import asyncio
import time
from collections.abc import Sequence

from redis.exceptions import AskError, ResponseError

from common.errors import ClicktrailError
from common.logging import get_logger
from shortener_service.redis.cluster import RedisCluster
from shortener_service.redis.connection import Command, Reply
from shortener_service.redis.node import ANSWER_SECONDS, Answers, RedisNode, Script, store_down

__all__ = ["ANSWER_SECONDS", "CREATION_SECONDS", "Command", "ErrorReply", "RedisCalls", "Script"]

log = get_logger(__name__)

CREATION_SECONDS = 5.0
# A slot that moves twice while one command looks for it is a fault.
MOST_REDIRECTIONS = 3
SAY_SECONDS = 10.0
ErrorReply = ResponseError
"""What stands in the place of a reply where the server refused the command."""


class Parcel:
    """Commands of a batch that go to one server: which they are, and whether it must be asked as if it had the slot."""

    __slots__ = ("is_asking", "node", "positions")

    def __init__(self, node: RedisNode, positions: list[int], *, is_asking: bool = False) -> None:
        self.node = node
        self.positions = positions
        self.is_asking = is_asking


class RedisCalls:
    """Sends commands, each once: what was sent and got no reply is the caller's to judge.

    Every command names its keys, all in one slot. Those of one call go out in one batch a server, each in order.
    """

    def __init__(self, url: str) -> None:
        self._cluster = RedisCluster(url)
        self._say_at = 0.0

    async def run(self, commands: Sequence[Command], within_seconds: float = ANSWER_SECONDS) -> list[Reply]:
        """Return the replies in order; raise UNAVAILABLE (`STORE_DOWN`) if any command failed."""
        return self.checked(await self.run_leniently(commands, within_seconds))

    def checked(self, replies: list[Reply]) -> list[Reply]:
        """Return replies that are all answers; raise UNAVAILABLE (`STORE_DOWN`) if one is a refusal."""
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise self._refusal(reply)
        return replies

    async def run_one(self, *command: str | bytes | int) -> Reply:
        """Return the reply to one command."""
        return (await self.run([command]))[0]

    async def run_leniently(self, commands: Sequence[Command], within_seconds: float = ANSWER_SECONDS) -> list[Reply]:
        """Return the replies in order, refusals of single commands among them."""
        replies = await self._attempt(commands, within_seconds)
        for reply in replies:
            if isinstance(reply, ClicktrailError):
                raise reply
        return replies

    async def run_apart(
        self, commands: Sequence[Command], within_seconds: float = ANSWER_SECONDS, *, tolerates: str = ""
    ) -> list[Reply]:
        """Return the replies in order; in the place of each command that failed, its error.

        Refusals that begin with the word tolerated are replies.
        """
        replies = await self._attempt(commands, within_seconds)
        return [
            self._refusal(reply)
            if isinstance(reply, ResponseError) and not (tolerates and str(reply).startswith(tolerates))
            else reply
            for reply in replies
        ]

    def unless_all_failed(self, replies: list[Reply]) -> list[Reply]:
        """Return replies with the errors among them; raise the first where there is nothing else."""
        if replies and all(isinstance(reply, ClicktrailError) for reply in replies):
            raise replies[0]
        return replies

    async def run_everywhere(self, *command: str | bytes | int) -> list[Reply]:
        """Return the reply of each server to a command without a key, refusals among them."""
        if not self._cluster.is_known:
            await self._cluster.learn()
        sent = [node.send([command], ANSWER_SECONDS) for node in self._cluster.nodes]
        return [answers.replies[0] for answers in await asyncio.gather(*sent)]

    async def close(self) -> None:
        """Close all connections."""
        await self._cluster.close()

    async def _attempt(self, commands: Sequence[Command], within_seconds: float) -> list[Reply]:
        """Return the replies in order; refusals, and the failures of servers, stand in their places."""
        if not commands:
            return []
        if not self._cluster.is_known:
            await self._cluster.learn()
        replies: list[Reply] = [None] * len(commands)
        parcels = [Parcel(node, positions) for node, positions in self._cluster.by_node(commands).items()]
        for _ in range(MOST_REDIRECTIONS):
            sent = [self._send(parcel, commands, within_seconds) for parcel in parcels]
            # Most have one server to go to.
            answered = await asyncio.gather(*sent) if len(sent) > 1 else [await sent[0]]
            parcels = [
                further
                for parcel, answers in zip(parcels, answered, strict=True)
                for further in self._unpack(parcel, answers, replies)
            ]
            if not parcels:
                break
        return replies

    async def _send(self, parcel: Parcel, commands: Sequence[Command], within_seconds: float) -> Answers:
        """Return the answers to a parcel; where its server is away, that is the answer to each."""
        own = commands if len(parcel.positions) == len(commands) else [commands[at] for at in parcel.positions]
        try:
            return await parcel.node.send(own, within_seconds, is_asking=parcel.is_asking)
        except ClicktrailError as error:
            self._cluster.suspect(parcel.node)
            return Answers([error] * len(own), [])

    def _unpack(self, parcel: Parcel, answers: Answers, replies: list[Reply]) -> list[Parcel]:
        """Put the answers in their places, and return what has to go to another server: there nothing was done."""
        for at, reply in zip(parcel.positions, answers.replies, strict=True):
            replies[at] = reply
        further: dict[tuple[RedisNode, bool], list[int]] = {}
        for at in (parcel.positions[refused] for refused in answers.refused):
            # A MOVED is a kind of ASK to the library.
            if isinstance(replies[at], AskError):
                way = self._cluster.follow(replies[at], parcel.node)
                further.setdefault(way, []).append(at)
        return [Parcel(node, positions, is_asking=asks) for (node, asks), positions in further.items()]

    def _refusal(self, refusal: ResponseError) -> ClicktrailError:
        """Return the error for a refusal, and log it, not each one of a row."""
        if time.monotonic() >= self._say_at:
            self._say_at = time.monotonic() + SAY_SECONDS
            log.error("redis refuses", error=str(refusal)[:200])
        return store_down()
