"""Sends batches of commands to Redis: one write, the replies in order, and one kind of failure for the callers."""

import asyncio
import math
import time
from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

import hiredis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from common.errors import ClicktrailError, Reason, unavailable
from common.logging import get_logger

log = get_logger(__name__)

# Whoever clicks waits for 2 seconds at most: by half of that there must be another way.
ANSWER_SECONDS = 1.0
CREATION_SECONDS = 5.0
CONNECTIONS = 32
# So many of them create links in bulk at most: redirects always find one free.
BULK_CONNECTIONS = 8
# Calls that wait for a connection, or for its answers; one beyond would only learn at its end that it was one too many.
CALLS_LIMIT = 500
# While Redis fails, one call at a time tries it, this long after the last; the others are refused at once.
PROBE_SECONDS = 0.2

Command = tuple[str | bytes | int, ...]
Reply = Any


_sources: dict[str | bytes | int, bytes] = {}


class Script:
    """A Lua script out of a file beside this one; runs whole or not at all."""

    def __init__(self, name: str) -> None:
        source = files("shortener_service").joinpath(name).read_bytes()
        self._digest = sha1(source).hexdigest()  # noqa: S324  (how Redis names scripts)
        _sources[self._digest] = source

    def call(self, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Command:
        """Return the command that runs it."""
        return ("EVALSHA", self._digest, len(keys), *keys, *arguments)


class RedisCalls:
    """A pool of connections that never sends anything twice by itself: a lost reply is the caller's to judge."""

    def __init__(self, url: str) -> None:
        self._is_failing = False
        self._is_probing = False
        self._probe_at = 0.0
        self._calls_left = CALLS_LIMIT
        self._bulk = asyncio.Semaphore(BULK_CONNECTIONS)
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # The time limit is set once around a batch: one a reply costs more than the reply.
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def run(self, commands: Sequence[Command], within_seconds: float = ANSWER_SECONDS) -> list[Reply]:
        """Return the replies in order; raise UNAVAILABLE (`STORE_DOWN`) if any command failed."""
        return self.checked(await self.run_leniently(commands, within_seconds))

    def checked(self, replies: list[Reply]) -> list[Reply]:
        """Return replies that are all answers; raise UNAVAILABLE (`STORE_DOWN`) if one is a refusal."""
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise self._failure(reply)
        self._note(is_failing=False)
        return replies

    async def run_one(self, *command: str | bytes | int) -> Reply:
        """Return the reply to one command."""
        return (await self.run([command]))[0]

    async def run_leniently(self, commands: Sequence[Command], within_seconds: float = ANSWER_SECONDS) -> list[Reply]:
        """Return the replies in order, refusals of single commands among them."""
        if not commands:
            return []
        if within_seconds <= ANSWER_SECONDS:
            return await self._run(commands, within_seconds)
        async with self._bulk:
            return await self._run(commands, within_seconds)

    async def _run(self, commands: Sequence[Command], within_seconds: float) -> list[Reply]:
        self._admit()
        self._calls_left -= 1
        try:
            replies = await self._exchange(commands, within_seconds)
            unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if unknown:
                # A script that Redis does not know has done nothing: it alone is sent again, with its source.
                again = await self._exchange([_with_source(commands[at]) for at in unknown], within_seconds)
                for at, reply in zip(unknown, again, strict=True):
                    replies[at] = reply
        except (RedisError, OSError, TimeoutError) as error:
            raise self._failure(error) from error
        finally:
            self._calls_left += 1
            self._is_probing = False
        return replies

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.disconnect()

    def _admit(self) -> None:
        """Refuse a call beyond the limit, and while Redis fails all but the one that finds out whether it still does."""
        if self._calls_left <= 0:
            raise unavailable(Reason.OVERLOADED, "Too much is waiting at the moment; try again.")
        if not self._is_failing:
            return
        if self._is_probing or time.monotonic() < self._probe_at:
            raise _store_down()
        self._is_probing = True

    def _failure(self, error: Exception) -> ClicktrailError:
        self._probe_at = time.monotonic() + PROBE_SECONDS
        self._note(is_failing=True, error=f"{type(error).__name__}: {error}"[:200])
        return _store_down()

    def _note(self, *, is_failing: bool, error: str = "") -> None:
        """Log when Redis begins to fail and when it is back, not each call between."""
        if is_failing == self._is_failing:
            return
        self._is_failing = is_failing
        if is_failing:
            log.error("redis fails", error=error)
        else:
            log.info("redis answers again")

    async def _exchange(self, commands: Sequence[Command], within_seconds: float) -> list[Reply]:
        packed = b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub takes one-tuples
        async with asyncio.timeout(within_seconds):
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                await connection.send_packed_command(packed, check_health=False)
                return [await _reply(connection) for _ in commands]
            except BaseException:
                # What is still to come would be taken for the answer to the next batch.
                await connection.disconnect(nowait=True)
                raise
            finally:
                await self._pool.release(connection)


def _store_down() -> ClicktrailError:
    return unavailable(Reason.STORE_DOWN, "Links cannot be read or kept at the moment; try again.")


async def _reply(connection: Any) -> Reply:
    try:
        return await connection.read_response(timeout=math.inf, disable_decoding=True)
    except ResponseError as refusal:
        return refusal


def _with_source(command: Command) -> Command:
    _evalsha, digest, *rest = command
    return ("EVAL", _sources[digest], *rest)
