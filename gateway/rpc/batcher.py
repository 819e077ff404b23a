"""Sends items in batches: alone when nothing is under way, together under load."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from common.backoff import Backoff
from common.errors import ClicktrailError, Kind, Reason, overloaded, unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

Send = Callable[[Sequence[Item], float], Awaitable[Sequence[Result]]]
"""Sends the items of a batch within so many seconds; returns one result per item, in order."""

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
# A service that is full stays so for a while: its refusal, which says when to come back, is handed on at once.
FULL = frozenset({Reason.OVERLOADED, Reason.OUTBOX_FULL, Reason.SPOOL_FULL})
# Of the places of a batch, and of those to wait in, such parts are for senders who have less than a batch waiting.
PART_OF_BATCH = 8
PART_OF_QUEUE = 32
# How late the end of an item's time may be noticed.
EXPIRY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a batcher."""

    batch_size: int = 256
    batches_in_flight: int = 4
    queue_limit: int = 10_000
    """Items waiting for their batch to be sent; those in flight are bounded by the two above."""
    patience_seconds: float = 2.0
    """How long an item may take, from its arrival to its result."""


@dataclass(slots=True)
class _Request(Generic[Item, Result]):
    item: Item
    result: asyncio.Future[Result]
    deadline: float


@dataclass(slots=True)
class _Batch(Generic[Item, Result]):
    shard_byte: int = field(default_factory=lambda: random.getrandbits(8))
    requests: list[_Request[Item, Result]] = field(default_factory=list)
    senders: Counter[str] = field(default_factory=Counter)


class Batcher(Generic[Item, Result]):
    """Gathers the items that arrive while batches are in flight into the next batch.

    While fewer are in flight than may be, an item is sent at once. Each has a result of its own: a batch refused as a
    whole is split in halves until the item at fault is alone; one that finds the service UNAVAILABLE is repeated, with
    the very same items, until their time is over. Everything happens in one event loop.

    Items may have a sender. Those of a sender who has more than a batch waiting leave room in each batch, and in the
    queue, for those of all others, which go with the next batch that has any: however much one sends, others hardly
    wait longer.
    """

    def __init__(self, send: Send[Item, Result], limits: Limits) -> None:
        self._send = send
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._forming: deque[_Batch[Item, Result]] = deque()
        # All have the same patience, so the first to arrive is the first whose time is over.
        self._by_deadline: deque[_Request[Item, Result]] = deque()
        self._waiting = 0
        self._waiting_of: Counter[str] = Counter()
        # Workers that were started and have not taken a batch yet.
        self._starting = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._expiry: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def shard_byte(self) -> int:
        """Return the byte that all items of the batch that the next item joins are to have in common: 0 to 255.

        It chooses their shard, and holds until the caller awaits anything.
        """
        return self._open_batch().shard_byte

    def has_room(self, count: int, sender: str = "") -> bool:
        """Tell whether so many more items may wait."""
        most = self._limits.queue_limit
        if self._is_heavy(sender, count):
            most -= most // PART_OF_QUEUE
        return not self._is_closed and self._waiting + count <= most

    def submit(self, item: Item, sender: str = "") -> asyncio.Future[Result]:
        """Add an item to the next batch; the future has its result, or why there is none.

        Cancelling the future cancels nothing but the wait. Raises UNAVAILABLE (`OVERLOADED`) at once where
        too many are waiting.
        """
        if not self.has_room(1, sender):
            raise overloaded()
        request = _Request(item, self._loop.create_future(), self._loop.time() + self._limits.patience_seconds)
        batch = self._batch_of(sender) if sender else self._open_batch()
        batch.requests.append(request)
        self._by_deadline.append(request)
        self._waiting += 1
        if self._expiry is None:
            self._expiry = self._loop.call_later(EXPIRY_SECONDS, self._expire)
        if self._starting < len(self._forming) and len(self._workers) < self._limits.batches_in_flight:
            self._start_worker()
        return request.result

    async def close(self) -> None:
        """Refuse new items and wait until all that were taken have their results."""
        self._is_closed = True
        while self._workers:
            await asyncio.wait(self._workers)
        if self._expiry is not None:
            self._expiry.cancel()

    def _open_batch(self, reserved: int = 0) -> _Batch[Item, Result]:
        """Return the last batch, or a new one where it has no places but so many."""
        if not self._forming or len(self._forming[-1].requests) >= self._limits.batch_size - reserved:
            self._forming.append(_Batch())
        return self._forming[-1]

    def _batch_of(self, sender: str) -> _Batch[Item, Result]:
        """Return the batch that an item of a sender goes with."""
        if self._is_heavy(sender, 1):
            batch = self._open_batch(self._limits.batch_size // PART_OF_BATCH)
        else:
            batch = self._first_with_place() or self._open_batch()
        batch.senders[sender] += 1
        self._waiting_of[sender] += 1
        return batch

    def _first_with_place(self) -> _Batch[Item, Result] | None:
        """Return the batch that is sent first of those that are not full."""
        return next((batch for batch in self._forming if len(batch.requests) < self._limits.batch_size), None)

    def _is_heavy(self, sender: str, more: int) -> bool:
        """Tell whether a sender has more than a batch waiting, with so many more items; who has no name has not."""
        return bool(sender) and self._waiting_of[sender] + more > self._limits.batch_size

    def _start_worker(self) -> None:
        # The task begins in the next turn of the loop: what arrives in this one still joins the batch.
        self._starting += 1
        self._workers.add(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        self._starting -= 1
        try:
            while self._forming:
                batch = self._forming.popleft()
                self._waiting -= len(batch.requests)
                self._leave(batch.senders)
                await self._process(batch.requests)
        finally:
            # Before the last results are heard of: an item that is submitted then finds one batch less in flight.
            self._workers.discard(asyncio.current_task())

    def _leave(self, senders: Counter[str]) -> None:
        """Note that so many items of senders do not wait any more."""
        for sender, count in senders.items():
            self._waiting_of[sender] -= count
            if not self._waiting_of[sender]:
                del self._waiting_of[sender]

    async def _process(self, requests: Iterable[_Request[Item, Result]]) -> None:
        """Send requests until each has a result or its time is over."""
        backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, is_spread=False)
        while pending := [request for request in requests if not request.result.done()]:
            left = pending[-1].deadline - self._loop.time()
            try:
                results = await self._send([request.item for request in pending], left)
                _hand_out(pending, results)
            except Exception as error:  # noqa: BLE001  (each request gets it)
                if not _may_pass(error):
                    await self._refused(pending, error)
                    return
                if left <= backoff.upcoming or _is_full(error):
                    _fail(pending, error)
                    return
            else:
                return
            await asyncio.sleep(backoff.pause())

    async def _refused(self, pending: list[_Request[Item, Result]], error: Exception) -> None:
        """Find the request at fault: alone, it gets the error; else each half is tried."""
        if len(pending) == 1:
            _fail(pending, error)
            return
        middle = len(pending) // 2
        await self._process(pending[:middle])
        await self._process(pending[middle:])

    def _expire(self) -> None:
        """Give up on requests whose time is over; they are dropped from their batch if it has not been sent."""
        now = self._loop.time()
        waiting = self._by_deadline
        while waiting and (waiting[0].result.done() or waiting[0].deadline <= now):
            request = waiting.popleft()
            # Nearly all have their results: an error is made for those alone that get it.
            if not request.result.done():
                _fail([request], unavailable(Reason.UPSTREAM_DOWN, "There was no answer in time; try again."))
        self._expiry = self._loop.call_later(EXPIRY_SECONDS, self._expire) if waiting else None


def _may_pass(error: Exception) -> bool:
    return isinstance(error, ClicktrailError) and error.kind is Kind.UNAVAILABLE


def _is_full(error: Exception) -> bool:
    return isinstance(error, ClicktrailError) and error.reason in FULL


def _hand_out(pending: Sequence[_Request[Item, Result]], results: Sequence[Result]) -> None:
    if len(results) != len(pending):
        raise RuntimeError(f"A batch of {len(pending)} came back with {len(results)} results.")
    for request, result in zip(pending, results, strict=True):
        if not request.result.done():
            request.result.set_result(result)


def _fail(pending: Iterable[_Request[Item, Result]], error: Exception) -> None:
    for request in pending:
        if not request.result.done():
            request.result.set_exception(error)
