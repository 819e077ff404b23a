"""Delivers the outbox to tracking, at least once: an entry is removed only after tracking has committed it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

import grpc
from grpc import aio

from common.backoff import Backoff
from common.errors import ClicktrailError
from common.logging import get_logger
from common.rpc import errors
from shortener_service.outbox.store import FIRST_PENDING, UNREAD, Entry, RedisOutbox

log = get_logger(__name__)

# Entries that other processes appended, or left behind, are found this often.
POLL_SECONDS = 1.0
# So long the entries of a busy moment may gather: a click is in its report a little later, but each delivery costs
# tracking and PostgreSQL 6 ms, however little it brings, and Redis two fsyncs that redirects wait behind.
GATHER_SECONDS = 0.05
# Others take over what is read and not delivered in time, so it is not much more than goes out together.
DELIVERIES_A_READ = 2
DELIVERY_BYTES = 2 * 1024 * 1024
SMALLEST_DELIVERY_BYTES = 64 * 1024
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
# How often in the time after which an entry counts as left behind the relay looks for such: that much longer it waits.
CLAIMS_A_TERM = 5
# Tracking is not there, not in time, or does not take our key. Anything else is a refusal of what was sent.
AWAY = errors.AWAY | {
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
}

Deliver = Callable[[bytes], Awaitable[object]]
"""Sends a serialized `DeliverRequest`; raises `AioRpcError`."""


class Appended:
    """Knows which shards this process has appended to since they were last read."""

    def __init__(self, shards: int) -> None:
        self._all = range(shards)
        self._dirty: set[int] = set()
        self._woken = asyncio.Event()
        self._polled_at = 0.0

    def note(self, shard: int) -> None:
        """Remember that a shard has a new entry."""
        self._dirty.add(shard)
        self._woken.set()

    def note_all(self) -> None:
        """Remember that any shard may have new entries."""
        self._polled_at = 0.0
        self._woken.set()

    async def wait(self) -> Iterable[int]:
        """Return the shards to read: those noted, or all of them once a second."""
        due_in = max(0.0, self._polled_at + POLL_SECONDS - time.monotonic())
        try:
            await asyncio.wait_for(self._woken.wait(), due_in)
            await asyncio.sleep(GATHER_SECONDS)
        except TimeoutError:
            pass
        self._woken.clear()
        dirty, self._dirty = self._dirty, set()
        if time.monotonic() < self._polled_at + POLL_SECONDS:
            return dirty
        self._polled_at = time.monotonic()
        return self._all


class OutboxRelay:
    """Reads the outbox and delivers it, until stopped; several processes share the work by their consumer names."""

    def __init__(
        self, outbox: RedisOutbox, deliver: Deliver, appended: Appended, shards: int, claim_seconds: float
    ) -> None:
        self._outbox = outbox
        self._deliver = deliver
        self._appended = appended
        self._shards = shards
        self._claim_seconds = claim_seconds
        self._claim_at = 0.0
        # Where there may be entries that this consumer has read and not removed.
        self._pending = set(range(shards))
        self._is_failing = False
        self._backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._entries_a_read = 256
        self._delivery_bytes = DELIVERY_BYTES
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._run(), name="outbox relay")

    async def stop(self, within_seconds: float) -> None:
        """Finish what is under way; entries that cannot be delivered in time stay for another process."""
        if self._task is None:
            return
        self._is_stopping = True
        self._appended.note_all()
        _, late = await asyncio.wait({self._task}, timeout=within_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._outbox.leave()
        except ClicktrailError as error:
            log.warning("the outbox keeps this consumer's name", error=str(error))

    async def _run(self) -> None:
        while not self._is_stopping:
            try:
                await self._round()
            except (ClicktrailError, aio.AioRpcError) as error:
                await self._pause_after(_text(error))
            except Exception as error:
                log.exception("the relay failed")
                await self._pause_after(type(error).__name__)

    async def _round(self) -> None:
        """Deliver what is pending from before, what others left, and what is new."""
        if self._pending:
            await self._deliver_pending()
            # While a server of a cluster is away, its shards are looked at again in each round.
            self._pending = self._outbox.take_missed()
        if time.monotonic() >= self._claim_at:
            while claimed := await self._outbox.claim(self._count(self._shards)):
                await self._deliver_all(claimed)
            await self._outbox.forget_idle_consumers()
            pause = self._claim_seconds / CLAIMS_A_TERM
            self._claim_at = time.monotonic() + pause * random.uniform(0.8, 1.2)  # noqa: S311  (spread)
        shards = await self._appended.wait()
        while shards and not self._is_stopping:
            shards = list(shards)
            count = self._count(len(shards))
            entries = await self._outbox.read(dict.fromkeys(shards, UNREAD), count)
            await self._deliver_all(entries)
            read = Counter(entry.shard for entry in entries)
            shards = [shard for shard in read if read[shard] == count]
        self._pending |= self._outbox.take_missed()

    async def _deliver_pending(self) -> None:
        """Deliver what this consumer has read and not removed: after a failure, others leave it alone for a while."""
        after = dict.fromkeys(self._pending, FIRST_PENDING)
        while entries := await self._outbox.read(after, self._count(len(after))):
            await self._deliver_all(entries)
            # Those that tracking refused are pending still: go on behind them.
            after = {entry.shard: entry.id for entry in entries}

    async def _deliver_all(self, entries: Sequence[Entry]) -> None:
        if entries:
            average = sum(len(entry.delivery) for entry in entries) / len(entries)
            self._entries_a_read = min(4096, max(16, int(DELIVERIES_A_READ * self._delivery_bytes / (average + 1))))
        for piece in _pieces(entries, self._delivery_bytes):
            await self._deliver_piece(piece)
            self._succeeded()

    async def _deliver_piece(self, entries: Sequence[Entry]) -> None:
        """Deliver entries together; halve what tracking refuses until the one at fault is alone, and leave it there."""
        try:
            await self._deliver(b"".join([entry.delivery for entry in entries]))
        except aio.AioRpcError as error:
            if error.code() in AWAY:
                raise
            if len(entries) == 1:
                self._set_aside(entries[0], error)
                return
            middle = len(entries) // 2
            await self._deliver_piece(entries[:middle])
            await self._deliver_piece(entries[middle:])
        else:
            await self._outbox.remove(entries)

    def _set_aside(self, entry: Entry, error: aio.AioRpcError) -> None:
        """Say which entry is refused; it stays pending and is tried again when it is claimed."""
        refusal = _text(error)
        log.error("tracking refuses an entry of the outbox; it is kept", entry=entry.id, error=refusal)

    def _count(self, shards: int) -> int:
        return max(1, self._entries_a_read // shards)

    def _succeeded(self) -> None:
        self._backoff.reset()
        self._delivery_bytes = min(DELIVERY_BYTES, self._delivery_bytes * 2)
        if self._is_failing:
            self._is_failing = False
            log.info("the outbox is delivered again")

    async def _pause_after(self, error: str) -> None:
        self._pending = set(range(self._shards))
        self._appended.note_all()
        # Too much for one deadline, perhaps.
        self._delivery_bytes = max(SMALLEST_DELIVERY_BYTES, self._delivery_bytes // 2)
        if not self._is_failing:
            self._is_failing = True
            log.warning("the outbox cannot be delivered; it is kept", error=error)
        await asyncio.sleep(self._backoff.pause())


def _pieces(entries: Sequence[Entry], limit_bytes: int) -> list[list[Entry]]:
    """Cut entries into deliveries of at most so many bytes, or of one entry."""
    pieces: list[list[Entry]] = []
    size = limit_bytes + 1
    for entry in entries:
        size += len(entry.delivery)
        if size > limit_bytes:
            pieces.append([])
            size = len(entry.delivery)
        pieces[-1].append(entry)
    return pieces


def _text(error: Exception) -> str:
    return f"{error.code().name}: {error.details()}" if isinstance(error, aio.AioRpcError) else str(error)
