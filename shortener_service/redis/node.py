"""One Redis server: sends it batches of commands, one write each, and knows whether it fails."""

import asyncio
import time
from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple

from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from common.errors import ClicktrailError, Reason, unavailable
from common.logging import get_logger
from shortener_service.redis.connection import Command, RedisConnection, Reply, connect, pack

log = get_logger(__name__)

# A click waits for 2 seconds at most: by half of that there must be another way.
ANSWER_SECONDS = 1.0
CONNECTIONS = 32
# So many of them create links in bulk at most: redirects always find one free.
BULK_CONNECTIONS = 8
# Batches that wait for a connection, or for answers: one beyond would only learn at its end that it was one too many.
BATCHES_LIMIT = 500
# While a server fails, one call at a time tries it, this long after the last; the others are refused at once.
PROBE_SECONDS = 0.2

FAILS = "redis fails"
REFUSES_US = "redis refuses the user or the password of CLICKTRAIL_REDIS_URL and CLICKTRAIL_REDIS_PASSWORD"

_sources: dict[str | bytes | int, bytes] = {}


class Script:
    """A Lua script of a package: `Script(__package__, "create_links.lua")`. Runs whole or not at all.

    One that appends to an outbox has the functions of `outbox_room.lua`.
    """

    def __init__(self, package: str, name: str, *, appends: bool = False) -> None:
        source = files(package).joinpath(name).read_bytes()
        if appends:
            source = files(__package__).joinpath("outbox_room.lua").read_bytes() + source
        self._digest = sha1(source).hexdigest()  # noqa: S324  (how Redis names scripts)
        _sources[self._digest] = source

    def call(self, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Command:
        """Return the command that runs it."""
        return ("EVALSHA", self._digest, len(keys), *keys, *arguments)


class Answers(NamedTuple):
    """The replies to a batch, in order, and where refusals are among them."""

    replies: list[Reply]
    refused: list[int]


class RedisNode:
    """Connections to a server, which never send anything twice: a lost reply is the caller's to judge."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.host = str(options.get("host", ""))
        self.name = f"{self.host}:{options.get('port', '')}" if self.host else str(options.get("path", ""))
        self._failing = ""
        self._is_probing = False
        self._probe_at = 0.0
        self._under_way = 0
        self._bulk = asyncio.Semaphore(BULK_CONNECTIONS)
        self._options = options
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._free: list[RedisConnection] = []
        self._in_use: set[RedisConnection] = set()

    async def send(self, commands: Sequence[Command], within_seconds: float, *, is_asking: bool = False) -> Answers:
        """Return the answers, refusals among them; raise UNAVAILABLE (`STORE_DOWN`) where there are none.

        `is_asking`: each command is for a slot that is being moved to this server.
        """
        if within_seconds <= ANSWER_SECONDS:
            return await self._send(commands, within_seconds, is_asking=is_asking)
        async with self._bulk:
            return await self._send(commands, within_seconds, is_asking=is_asking)

    async def _send(self, commands: Sequence[Command], within_seconds: float, *, is_asking: bool) -> Answers:
        self._admit()
        self._under_way += 1
        try:
            answers = await self._exchange(commands, within_seconds, is_asking=is_asking)
            unknown = [at for at in answers.refused if isinstance(answers.replies[at], NoScriptError)]
            if unknown:
                # A script that Redis does not know has done nothing: it alone is sent again, with its source.
                sources = [_with_source(commands[at]) for at in unknown]
                again = await self._exchange(sources, within_seconds, is_asking=is_asking)
                for at, reply in zip(unknown, again.replies, strict=True):
                    answers.replies[at] = reply
        except (RedisError, OSError, TimeoutError) as error:
            raise self._failure(error) from error
        finally:
            self._under_way -= 1
            self._is_probing = False
        self._note()
        return answers

    @property
    def is_busy(self) -> bool:
        """Whether batches are under way."""
        return self._under_way > 0

    def close(self) -> None:
        """Close all connections."""
        for connection in (*self._free, *self._in_use):
            connection.close()
        self._free.clear()

    def _admit(self) -> None:
        """Refuse a call beyond the limit and, while the server fails, all but the one that tries whether it does."""
        if self._under_way >= BATCHES_LIMIT:
            raise unavailable(Reason.OVERLOADED, "Too much is waiting at the moment; try again.")
        if not self._failing:
            return
        if self._is_probing or time.monotonic() < self._probe_at:
            raise store_down()
        self._is_probing = True

    def _failure(self, error: Exception) -> ClicktrailError:
        self._probe_at = time.monotonic() + PROBE_SECONDS
        refuses = isinstance(error, AuthenticationError)
        self._note(REFUSES_US if refuses else FAILS, error=f"{type(error).__name__}: {error}"[:200])
        return store_down()

    def _note(self, failing: str = "", error: str = "") -> None:
        """Log when the server begins to fail, or to fail otherwise, and when it is back, not each call between."""
        if failing == self._failing:
            return
        self._failing = failing
        if failing:
            log.error(failing, server=self.name, error=error)
        else:
            log.info("redis answers again", server=self.name)

    async def _exchange(self, commands: Sequence[Command], within_seconds: float, *, is_asking: bool) -> Answers:
        sent = [each for command in commands for each in (("ASKING",), command)] if is_asking else commands
        # One time limit around all of it: one a reply would cost more than the reply.
        async with asyncio.timeout(within_seconds), self._room:
            connection = await self._take()
            try:
                replies = await connection.exchange(pack(sent), len(sent))
            finally:
                self._give_back(connection)
        if is_asking:
            replies = replies[1::2]
        return Answers(replies, [at for at, reply in enumerate(replies) if isinstance(reply, ResponseError)])

    async def _take(self) -> RedisConnection:
        """Return the free connection that was used last, or a new one."""
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                break
        else:
            connection = await connect(self._options)
        self._in_use.add(connection)
        return connection

    def _give_back(self, connection: RedisConnection) -> None:
        self._in_use.discard(connection)
        if connection.is_open:
            self._free.append(connection)


def store_down() -> ClicktrailError:
    """Return the error for a store that does not answer, or refuses to do what it must."""
    return unavailable(Reason.STORE_DOWN, "Links cannot be read or kept at the moment; try again.")


def _with_source(command: Command) -> Command:
    _evalsha, digest, *rest = command
    return ("EVAL", _sources[digest], *rest)
