"""Sends items in flights: alone when nothing is under way, together under load."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from common.errors import ClicktrailError, Kind, Reason, overloaded, unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

Carry = Callable[[Sequence[Item], float], Awaitable[Sequence[Result]]]
"""Carries the items of a flight within so many seconds; one result per item, in order."""

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
# Whoever is there and has no room stays so for a while: told to the caller at once, who knows when to come back.
FULL = frozenset({Reason.OVERLOADED, Reason.OUTBOX_FULL, Reason.SPOOL_FULL})
# How late the end of an item's time may be noticed.
SWEEP_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a batcher."""

    flight_size: int = 256
    flights_in_air: int = 4
    queue_limit: int = 10_000
    """Items waiting for their flight; those in the air are bounded by the two above."""
    patience_seconds: float = 2.0
    """How long an item may take, from its arrival to its result."""


@dataclass(slots=True)
class _Passenger(Generic[Item, Result]):
    item: Item
    result: asyncio.Future[Result]
    deadline: float


@dataclass(slots=True)
class _Flight(Generic[Item, Result]):
    lane: int = field(default_factory=lambda: random.getrandbits(8))
    passengers: list[_Passenger[Item, Result]] = field(default_factory=list)


class Batcher(Generic[Item, Result]):
    """Gathers the items that arrive while flights are in the air into the next flight.

    An item that finds a place in the air leaves at once. Each has a result of its own: a flight that is refused as a
    whole is split in halves until the item at fault is alone; one that finds the service UNAVAILABLE is repeated, with
    the very same items, until their time is over. Everything happens in one event loop.
    """

    def __init__(self, carry: Carry[Item, Result], limits: Limits) -> None:
        self._carry = carry
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._forming: deque[_Flight[Item, Result]] = deque()
        # All have the same patience, so the first to arrive is the first whose time is over.
        self._by_deadline: deque[_Passenger[Item, Result]] = deque()
        self._waiting = 0
        self._boarding = 0
        self._planes: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def lane(self) -> int:
        """Return the byte that is common to all items of the flight that the next item joins.

        It holds until the caller awaits anything.
        """
        return self._open_flight().lane

    def has_room(self, count: int) -> bool:
        """Tell whether so many more items may wait."""
        return not self._is_closed and self._waiting + count <= self._limits.queue_limit

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Take an item along; the future has its result, or why there is none.

        Whoever waits may go away: that cancels nothing but the wait. Raises UNAVAILABLE (`OVERLOADED`) at once where
        too many are waiting.
        """
        if not self.has_room(1):
            raise overloaded()
        passenger = _Passenger(item, self._loop.create_future(), self._loop.time() + self._limits.patience_seconds)
        self._open_flight().passengers.append(passenger)
        self._by_deadline.append(passenger)
        self._waiting += 1
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        if self._boarding < len(self._forming) and len(self._planes) < self._limits.flights_in_air:
            self._board()
        return passenger.result

    async def close(self) -> None:
        """Refuse new items and wait until all that were taken have their results."""
        self._is_closed = True
        while self._planes:
            await asyncio.wait(self._planes)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _open_flight(self) -> _Flight[Item, Result]:
        if not self._forming or len(self._forming[-1].passengers) >= self._limits.flight_size:
            self._forming.append(_Flight())
        return self._forming[-1]

    def _board(self) -> None:
        # The task begins in the next turn of the loop: what arrives in this one still joins the flight.
        self._boarding += 1
        self._planes.add(self._loop.create_task(self._fly_all()))

    async def _fly_all(self) -> None:
        self._boarding -= 1
        try:
            while self._forming:
                flight = self._forming.popleft()
                self._waiting -= len(flight.passengers)
                await self._fly(flight.passengers)
        finally:
            # Before anybody hears of the last results: who submits an item then finds a place in the air.
            self._planes.discard(asyncio.current_task())

    async def _fly(self, passengers: Iterable[_Passenger[Item, Result]]) -> None:
        """Carry passengers until each has a result or its time is over."""
        pause = FIRST_PAUSE_SECONDS
        while aboard := [passenger for passenger in passengers if not passenger.result.done()]:
            left = aboard[-1].deadline - self._loop.time()
            try:
                results = await self._carry([passenger.item for passenger in aboard], left)
                _hand_out(aboard, results)
            except Exception as error:  # noqa: BLE001  (each passenger gets it)
                if not _may_pass(error):
                    await self._refused(aboard, error)
                    return
                if left <= pause or _is_full(error):
                    _fail(aboard, error)
                    return
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _refused(self, aboard: list[_Passenger[Item, Result]], error: Exception) -> None:
        """Find the passenger at fault: alone, it gets the error; else each half is tried."""
        if len(aboard) == 1:
            _fail(aboard, error)
            return
        middle = len(aboard) // 2
        await self._fly(aboard[:middle])
        await self._fly(aboard[middle:])

    def _sweep(self) -> None:
        """Give up on those whose time is over; they are dropped from their flight if it has not left."""
        now = self._loop.time()
        waiting = self._by_deadline
        while waiting and (waiting[0].result.done() or waiting[0].deadline <= now):
            passenger = waiting.popleft()
            # Nearly all have their results: an error is made for those alone that get it.
            if not passenger.result.done():
                _fail([passenger], unavailable(Reason.UPSTREAM_DOWN, "There was no answer in time; try again."))
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep) if waiting else None


def _may_pass(error: Exception) -> bool:
    return isinstance(error, ClicktrailError) and error.kind is Kind.UNAVAILABLE


def _is_full(error: Exception) -> bool:
    return isinstance(error, ClicktrailError) and error.reason in FULL


def _hand_out(aboard: Sequence[_Passenger[Item, Result]], results: Sequence[Result]) -> None:
    if len(results) != len(aboard):
        raise RuntimeError(f"A flight of {len(aboard)} came back with {len(results)} results.")
    for passenger, result in zip(aboard, results, strict=True):
        if not passenger.result.done():
            passenger.result.set_result(result)


def _fail(aboard: Iterable[_Passenger[Item, Result]], error: Exception) -> None:
    for passenger in aboard:
        if not passenger.result.done():
            passenger.result.set_exception(error)
